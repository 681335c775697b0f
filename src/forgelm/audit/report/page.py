"""A report to one self-contained HTML page: no script, no request, and nothing from the data but text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.audit.findings import Severity
from forgelm.audit.report import sections as parts
from forgelm.audit.report.charts import draw_bar
from forgelm.audit.report.document import REPORT_FILE
from forgelm.audit.report.headlines import Headline, count_broken, list_headlines
from forgelm.audit.report.parts import GateResult
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.sections import Limits
from forgelm.audit.report.terminal import describe_gate, describe_split
from forgelm.audit.report.wording import count_of, percent, show_name, show_text
from forgelm.base.extras import load_extra

PAGE_FILE = "data_audit_report.html"

_HERE = Path(__file__).parent
_MOST_NOTE_CHARACTERS = 600
_MOST_NAME_CHARACTERS = 80
_LARGEST = 400_000  # characters; in UTF-8 somewhat more bytes
_LIMITS = (Limits(), Limits(40, 6, 4, 6, 3), Limits(12, 3, 1, 3, 2))
_TITLES = (
    ("headlines", "What to look at"),
    ("findings", "Personal data, credentials"),
    ("leakage", "Leakage between splits"),
    ("contamination", "Text of benchmarks"),
    ("rows", "Splits and broken rows"),
    ("duplicates", "Duplicates"),
    ("conversations", "Conversations"),
    ("lengths", "Lengths"),
    ("languages", "Languages"),
    ("quality", "Quality"),
    ("columns", "Columns"),
    ("made", "How it was made"),
)
_GATE_TITLES = {"pii": "Personal data", "secrets": "Credentials"}
_GATE_WORDS = {"passed": "passed", "failed": "failed", "suppressed": "let through"}


@dataclass(frozen=True)
class _Section:
    anchor: str
    title: str
    level: Severity | None


def render_page(report: AuditReport) -> str:
    """Return the page; the same report gives the same bytes.

    A page that names and texts from the data would make larger than a browser likes shows less of everything.

    Raises:
        OptionalDependencyError: Jinja is not installed.
    """
    page = ""
    for limits in _LIMITS:
        page = _render(report, limits)
        if len(page) <= _LARGEST:
            break
    return page


def load_template() -> Any:
    """Return the page's template.

    Raises:
        OptionalDependencyError: Jinja is not installed.
    """
    jinja2 = load_extra("jinja2", extra="audit")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(_HERE, encoding="utf-8"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"name": _show_short, "percent": percent, "text": _show_note}
    return environment.get_template("page.html")


def _render(report: AuditReport, limits: Limits) -> str:
    markup = load_extra("markupsafe", extra="audit").Markup
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    shown = _gather(report, limits)
    shown["lengths"] = [(chart, markup(chart.svg)) for chart in shown["lengths"]]
    page: str = load_template().render(
        shown,
        report=report,
        report_file=REPORT_FILE,
        style=markup(style),
        style_hash=f"sha256-{digest}",
        sections=_list_sections(shown),
        count_of=count_of,
        bar=lambda share, style="": markup(draw_bar(share, style)),
    )
    return page


def _gather(report: AuditReport, limits: Limits) -> dict[str, Any]:
    headlines = list_headlines(report)
    clusters = parts.list_clusters(report, limits)
    shown: dict[str, Any] = {
        "made_at": _show_time(report.generated_at),
        "verdict_sentence": _describe_verdict(report, headlines),
        "gates": [_describe_gate(report, gate) for gate in report.gates],
        "facts": _list_facts(report),
        "findings_sentence": _describe_findings(report),
        "duplicates_sentence": _describe_duplicates(report),
        "clusters": clusters,
        "clusters_left": max(report.duplicate_clusters - len(clusters), 0),
        "details_left": max(len(report.details) - limits.splits, 0),
        "conversations": list(parts.list_conversations(report, limits)),
        "lengths": list(parts.list_lengths(report, limits)),
        "languages": list(parts.list_languages(report, limits)),
        "quality": parts.describe_quality(report),
        "settings": parts.list_settings(report),
    }
    contamination = report.contamination
    lists: dict[str, Iterable[Any]] = {
        "headlines": headlines,
        "kinds": parts.list_kinds(report, limits),
        "leaks": parts.list_leaks(report),
        "benchmarks": contamination.rows.items() if contamination else (),
        "hits": contamination.first if contamination else (),
        "splits": _list_splits(report),
        "problems": parts.list_problems(report),
        "columns": parts.list_columns(report),
        "files": parts.list_files(report),
        "notes": report.notes,
    }
    for name, items in lists.items():
        everything = list(items)
        shown[name] = everything[: limits.items]
        shown[f"{name}_left"] = len(everything) - len(shown[name])
    return shown


def _list_sections(shown: dict[str, Any]) -> list[_Section]:
    """Return the sections that the page has, each with the level of the worst headline that points to it."""
    levels: dict[str, Severity] = {}
    for headline in shown["headlines"]:
        levels.setdefault(headline.section, headline.level)
    optional = ("benchmarks", "conversations", "lengths", "languages", "quality", "columns")
    absent = {"contamination" if name == "benchmarks" else name for name in optional if not shown[name]}
    if len(shown["splits"]) < 2:
        absent.add("leakage")
    return [_Section(anchor, title, levels.get(anchor)) for anchor, title in _TITLES if anchor not in absent]


def _describe_verdict(report: AuditReport, headlines: list[Headline]) -> str:
    failed = [_GATE_TITLES[gate.name].lower() for gate in report.gates if gate.status == "failed"]
    if failed:
        return f"The gate for {' and the gate for '.join(failed)} failed; the command ends with exit code 3."
    if not headlines:
        return "No gate failed and nothing was found that a person should look at."
    return f"No gate failed. {count_of(len(headlines), 'thing is', 'things are')} worth a look."


def _show_short(name: str) -> str:
    return show_name(name, _MOST_NAME_CHARACTERS)


def _show_note(note: str) -> str:
    return show_text(note, _MOST_NOTE_CHARACTERS)


def _show_time(stamp: str) -> str:
    """Return an ISO 8601 time in UTC to the minute, any other text as it is."""
    is_utc = stamp.endswith(("+00:00", "Z")) and "T" in stamp
    return f"{stamp[:16].replace('T', ' ')} UTC" if is_utc else show_name(stamp)


def _describe_gate(report: AuditReport, gate: GateResult) -> dict[str, str]:
    return {
        "status": gate.status,
        "title": _GATE_TITLES[gate.name],
        "shown_status": _GATE_WORDS[gate.status],
        "text": f"{describe_gate(report, gate)}.",
    }


def _list_facts(report: AuditReport) -> list[tuple[str, str]]:
    counts = {
        "rows": report.total_samples,
        "splits": len(report.splits),
        "personal data": sum(report.pii_summary.values()),
        "credentials": sum(report.secrets_summary.values()),
        "rows that repeat": report.duplicate_rows,
        "rows not readable": sum(map(count_broken, report.splits.values())),
    }
    return [(name, f"{count:,}") for name, count in counts.items()]


def _describe_findings(report: AuditReport) -> str:
    total = sum(report.pii_summary.values()) + sum(report.secrets_summary.values())
    return (
        f"{count_of(total, 'match', 'matches')}, the worst kinds first. What was found is masked: its letters and "
        "digits are shown as asterisks. Characters count from 0 in the text of the field."
    )


def _describe_duplicates(report: AuditReport) -> str:
    share = percent(report.duplicate_rows / max(report.total_samples, 1))
    exact = sum(details.exact_duplicates for details in report.details.values())
    return (
        f"{count_of(report.duplicate_rows, 'row')} ({share}) in {count_of(report.duplicate_clusters, 'cluster')} "
        f"{'repeats' if report.duplicate_rows == 1 else 'repeat'} an earlier row, {exact:,} of them to the byte. "
        "The largest clusters come first; words that a row does not share with the first one are marked."
    )


def _list_splits(report: AuditReport) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "rows": split.get("sample_count") or 0,
            "empty": split.get("null_or_empty_count") or 0,
            "broken": count_broken(split),
            "undecodable": split.get("decode_errors") or 0,
            "text": describe_split(split),
        }
        for name, split in report.splits.items()
    ]
