"""A report to the text a terminal shows: the verdict first, then what to look at, the worst first, then the splits."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.audit.language import UNKNOWN
from forgelm.audit.report.headlines import count_broken, describe_error, list_headlines
from forgelm.audit.report.parts import GateResult, SplitDetails
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.wording import count_of, list_counts, percent, show_name

_RESET = "\033[0m"
_COLOURS = MappingProxyType(
    {
        "failed": "\033[1;31m",
        "passed": "\033[1;32m",
        "suppressed": "\033[33m",
        "critical": "\033[1;31m",
        "high": "\033[31m",
        "medium": "\033[33m",
        "low": "\033[2m",
    }
)
_MOST_HEADLINES = 12


def render_terminal(report: AuditReport, *, verbose: bool = False, colour: bool = False) -> str:
    """Return the report as text; without ``verbose`` clean splits, and all but the worst headlines, are folded."""
    parts = [
        _render_verdict(report, colour),
        _render_headlines(report, verbose, colour),
        _render_splits(report, verbose),
    ]
    if report.notes:
        parts.append("\n".join(f"note: {show_name(note)}" for note in report.notes))
    return "\n\n".join(part for part in parts if part)


def _render_verdict(report: AuditReport, colour: bool) -> str:
    size = f"{count_of(report.total_samples, 'row')} in {count_of(len(report.splits), 'split')}"
    lines = [f"{_paint(report.verdict, report.verdict.upper(), colour)}  {show_name(report.source_input)}: {size}"]
    for gate in report.gates:
        status = _paint(gate.status, f"{gate.status:<10}", colour)
        lines.append(f"  {gate.name + ' gate':<12}  {status}  {describe_gate(report, gate)}")
    return "\n".join(lines)


def describe_gate(report: AuditReport, gate: GateResult) -> str:
    """Return what a gate found, in words."""
    counts = report.pii_summary if gate.name == "pii" else report.secrets_summary
    critical = list_counts({kind: counts.get(kind, 0) for kind in gate.critical_types})
    found = critical or ("nothing critical" if gate.name == "pii" else "no credentials")
    if gate.status == "suppressed":
        found += f"; let through by --allow-{gate.name}"
    if gate.advisory_total:
        found += f"; {count_of(gate.advisory_total, 'other match', 'other matches')}, which it does not judge"
    return found


def _render_headlines(report: AuditReport, verbose: bool, colour: bool) -> str:
    headlines = list_headlines(report)
    if not headlines:
        return "Nothing was found that a person should look at."
    shown = headlines if verbose else headlines[:_MOST_HEADLINES]
    lines = ["To look at, the worst first:"]
    for headline in shown:
        level = _paint(headline.level, f"{headline.level:<8}", colour)
        place = f" (first: {headline.where})" if headline.where else ""
        lines.append(f"  {level}  {headline.text}{place}")
    if len(headlines) > len(shown):
        lines.append(f"  and {len(headlines) - len(shown)} more; --verbose shows them")
    return "\n".join(lines)


def _render_splits(report: AuditReport, verbose: bool) -> str:
    shown = {name: split for name, split in report.splits.items() if verbose or not is_clean(split)}
    rows = [("split", "rows", "what was found", "languages")]
    rows += [
        (
            show_name(name),
            f"{split.get('sample_count', 0):,}",
            describe_split(split),
            _list_languages(report.details.get(name)),
        )
        for name, split in shown.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"  {name:<{widths[0]}}  {count:>{widths[1]}}  {found:<{widths[2]}}  {languages}".rstrip()
        for name, count, found, languages in rows
    ]
    folded = len(report.splits) - len(shown)
    if folded:
        listed = ", ".join(show_name(name) for name in report.splits if name not in shown)
        lines.append(f"  {count_of(folded, 'clean split')} not shown ({listed}); --verbose shows them")
    return "\n".join(lines if shown else lines[1:])


def is_clean(split: Mapping[str, Any]) -> bool:
    """Whether nothing was found in a split."""
    return bool(split.get("sample_count")) and not split.get("error") and not _list_found(split)


def describe_split(split: Mapping[str, Any]) -> str:
    """Return what was found in a split, in words."""
    error = [describe_error(split)] if split.get("error") else []
    return ", ".join([*error, *_list_found(split)]) or ("clean" if split.get("sample_count") else "no rows")


def _list_found(split: Mapping[str, Any]) -> list[str]:
    counted = (
        (sum((split.get("secrets_counts") or {}).values()), "credential", "credentials"),
        (sum((split.get("pii_counts") or {}).values()), "match of personal data", "matches of personal data"),
        (count_broken(split), "broken row", "broken rows"),
        (split.get("decode_errors") or 0, "row not UTF-8", "rows not UTF-8"),
        (split.get("null_or_empty_count") or 0, "row without text", "rows without text"),
        (split.get("near_duplicate_pairs") or 0, "near-duplicate pair", "near-duplicate pairs"),
        (split.get("quality_samples_flagged") or 0, "row flagged for quality", "rows flagged for quality"),
    )
    return [count_of(count, one, many) for count, one, many in counted if count]


def _list_languages(details: SplitDetails | None) -> str:
    """Return the three most frequent languages with their shares of all rows looked at, the others in a word."""
    languages = details.languages.languages if details is not None and details.languages is not None else ()
    if len(languages) == 1 and languages[0].code == UNKNOWN:
        return ""
    named = ", ".join(f"{show_name(language.code)} {percent(language.share)}" for language in languages[:3])
    return named + (", others" if len(languages) > 3 else "")


def _paint(style: str, text: str, colour: bool) -> str:
    return f"{_COLOURS[style]}{text}{_RESET}" if colour else text
