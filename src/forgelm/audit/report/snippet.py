"""A report to the small piece of HTML a notebook shows under a cell."""

from __future__ import annotations

from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

from forgelm.audit.report.headlines import list_headlines
from forgelm.audit.report.wording import count_of, show_name

if TYPE_CHECKING:  # the record shows itself with what is made here
    from forgelm.audit.report.record import AuditReport

_MOST_HEADLINES = 8
# Colours that can be read on a notebook's white as on its black.
_COLOURS = MappingProxyType(
    {
        "failed": "#d1242f",
        "passed": "#1a7f37",
        "critical": "#d1242f",
        "high": "#bc4c00",
        "medium": "#9a6700",
        "low": "#6e7781",
    }
)


def render_snippet(report: AuditReport) -> str:
    """Return the verdict and the worst headlines as HTML without a style sheet, script or request."""
    headlines = list_headlines(report)
    rows = "".join(
        f"<tr><td style='color:{_COLOURS[headline.level]};text-align:left'>{headline.level}</td>"
        f"<td style='text-align:left'><bdi>{escape(headline.text)}</bdi></td>"
        f"<td style='text-align:left'><bdi>{escape(headline.where or '')}</bdi></td></tr>"
        for headline in headlines[:_MOST_HEADLINES]
    )
    left = len(headlines) - _MOST_HEADLINES
    more = f"<p>and {count_of(left, 'more thing')} to look at</p>" if left > 0 else ""
    size = f"{count_of(report.total_samples, 'row')} in {count_of(len(report.splits), 'split')}"
    return (
        f"<div><p><b style='color:{_COLOURS[report.verdict]}'>{report.verdict.upper()}</b> "
        f"<bdi>{escape(show_name(report.source_input))}</bdi>: {size}</p>"
        f"{f'<table>{rows}</table>' if rows else '<p>Nothing was found that a person should look at.</p>'}{more}</div>"
    )
