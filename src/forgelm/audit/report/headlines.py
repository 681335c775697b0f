"""A report to its headlines: one sentence for everything a person should look at, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from forgelm.audit.conversations import Issue
from forgelm.audit.findings import SEVERITIES, Severity
from forgelm.audit.report.wording import count_of, list_counts, percent, show_name

if TYPE_CHECKING:  # the record shows itself with what is made here
    from forgelm.audit.report.parts import GateResult
    from forgelm.audit.report.record import AuditReport

_ISSUES: MappingProxyType[str, tuple[Severity, str]] = MappingProxyType(
    {
        Issue.UNREADABLE_MESSAGES: ("high", "messages without a known role"),
        Issue.IDENTICAL_PAIR: ("high", "the same answer as chosen and as rejected"),
        Issue.LABEL_NOT_BOOLEAN: ("high", "a label that is neither true nor false"),
        Issue.EMPTY_COMPLETION: ("high", "an empty answer"),
        Issue.NO_ASSISTANT: ("high", "no turn of the assistant"),
        Issue.UNANSWERED_PROMPT: ("medium", "a last turn of the user that nobody answers"),
        Issue.EMPTY_PROMPT: ("medium", "an empty prompt"),
        Issue.EMPTY_TURN: ("medium", "an empty turn"),
        Issue.NEAR_IDENTICAL_PAIR: ("medium", "a chosen answer nearly the same as the rejected one"),
        Issue.SAME_ROLE_TWICE: ("low", "the same role twice in a row"),
        Issue.STARTS_WITH_ASSISTANT: ("low", "the assistant as the first to speak"),
        Issue.SYSTEM_NOT_FIRST: ("low", "a system prompt that does not come first"),
        Issue.TOOL_WITHOUT_CALL: ("low", "a tool's answer that nothing called for"),
    }
)
_MANY = 0.01  # the share of rows from which on what is usually a detail is worth a higher place


@dataclass(frozen=True)
class Headline:
    """One thing to look at. ``section`` names the part of the page that shows it, ``where`` the first place."""

    level: Severity
    text: str
    section: str
    where: str | None = None


def list_headlines(report: AuditReport) -> list[Headline]:
    """Return the headlines, the worst first; none when there is nothing to look at."""
    found = [
        *_list_gates(report),
        *_list_unreadable(report),
        *_list_personal(report),
        *_list_leaks(report),
        *_list_problems(report),
        *_list_duplicates(report),
        *_list_conversations(report),
        *_list_lengths(report),
        *_list_quality(report),
    ]
    return sorted(found, key=lambda headline: SEVERITIES.index(headline.level))


def describe_issue(issue: str) -> str:
    """Return what a row with ``issue`` has, to follow "rows have"."""
    return _ISSUES[issue][1] if issue in _ISSUES else issue


def describe_error(split: Mapping[str, Any]) -> str:
    """Return what became of a split with an error, to follow its name."""
    return "was not read to its end" if split.get("sample_count") else "could not be read"


def count_broken(split: Mapping[str, Any]) -> int:
    """Return how many rows of a split could not be read."""
    return (split.get("parse_errors") or 0) + (split.get("non_object_rows") or 0)


def _list_gates(report: AuditReport) -> Iterator[Headline]:
    counts = {"pii": report.pii_summary, "secrets": report.secrets_summary}
    for gate in sorted(report.gates, key=lambda gate: (gate.status != "failed", gate.name != "secrets")):
        if gate.critical_total:
            kinds = list_counts({kind: counts[gate.name].get(kind, 0) for kind in gate.critical_types})
            text = f"{_name_critical(gate)}: {kinds}" + (" (allowed)" if gate.status == "suppressed" else "")
            yield Headline("critical", text, "findings", _find_first(report, gate.critical_types))
        if gate.name == "secrets" and gate.advisory_total:
            kinds = list_counts({kind: counts["secrets"].get(kind, 0) for kind in gate.advisory_types})
            text = f"{count_of(gate.advisory_total, 'possible credential')}: {kinds}"
            yield Headline("high", text, "findings", _find_first(report, gate.advisory_types))


def _name_critical(gate: GateResult) -> str:
    if gate.name == "secrets":
        return count_of(gate.critical_total, "credential")
    return count_of(gate.critical_total, "critical match", "critical matches") + " of personal data"


def _list_unreadable(report: AuditReport) -> Iterator[Headline]:
    for name, split in report.splits.items():
        if error := split.get("error"):
            yield Headline("high", f"{show_name(name)} {describe_error(split)}: {show_name(str(error))}", "rows")
        elif not split.get("sample_count"):
            yield Headline("medium", f"{show_name(name)} has no row", "rows")


def _list_personal(report: AuditReport) -> Iterator[Headline]:
    judged = {kind for gate in report.gates for kind in gate.critical_types}
    for tier in SEVERITIES:
        kinds = {
            kind: facts["count"]
            for kind, facts in report.pii_severity.get("by_type", {}).items()
            if facts["tier"] == tier and kind not in judged
        }
        if kinds:
            text = f"{count_of(sum(kinds.values()), 'match', 'matches')} of personal data: {list_counts(kinds)}"
            yield Headline(tier, text, "findings", _find_first(report, tuple(kinds)))


def _list_leaks(report: AuditReport) -> Iterator[Headline]:
    for name, leak in report.cross_split_overlap.get("pairs", {}).items():
        a, _, b = map(show_name, name.partition("__"))
        if leak["leaked_rows_in_a"] or leak["leaked_rows_in_b"]:
            yield Headline(
                "high",
                f"{count_of(leak['leaked_rows_in_b'], 'row')} of {b} ({percent(leak['leak_rate_b'])}) "
                f"{'repeats' if leak['leaked_rows_in_b'] == 1 else 'repeat'} {a}",
                "leakage",
            )
    for name, shared in report.prompt_overlap.items():
        a, _, b = map(show_name, name.partition("__"))
        if shared["shared_rows_in_b"]:
            yield Headline(
                "medium",
                f"{count_of(shared['shared_rows_in_b'], 'prompt')} of {b} ({percent(shared['shared_rate_b'])}) "
                f"{'is' if shared['shared_rows_in_b'] == 1 else 'are'} in {a} as well",
                "leakage",
            )
    if report.contamination is not None:
        for benchmark, rows in report.contamination.rows.items():
            if rows:
                first = next((hit for hit in report.contamination.first if hit.benchmark == benchmark), None)
                text = (
                    f"{count_of(rows, 'row')} {'holds' if rows == 1 else 'hold'} text of the benchmark "
                    f"{show_name(benchmark)}"
                )
                yield Headline("high", text, "contamination", first.place.where if first else None)


def _list_problems(report: AuditReport) -> Iterator[Headline]:
    problems = [problem for details in report.details.values() for problem in details.problems]
    for is_skipped, verb in ((True, "could not be read"), (False, "could be read only in part")):
        counts: Counter[str] = Counter()
        for problem in problems:
            if problem.skipped is is_skipped:
                counts[problem.description] += problem.count
        if total := sum(counts.values()):
            level: Severity = "high" if is_skipped and total > _MANY * max(report.total_samples, 1) else "medium"
            first = next((p.first[0].where for p in problems if p.skipped is is_skipped and p.first), None)
            reasons = "; ".join(
                description if count == total else f"{description} ({count:,})"
                for description, count in counts.most_common()
            )
            yield Headline(level, f"{count_of(total, 'row')} {verb}: {show_name(reasons)}", "rows", first)


def _list_duplicates(report: AuditReport) -> Iterator[Headline]:
    if report.duplicate_rows:
        share = percent(report.duplicate_rows / max(report.total_samples, 1))
        verb = "repeats" if report.duplicate_rows == 1 else "repeat"
        first = report.duplicates[0].rows if report.duplicates else ()
        yield Headline(
            "medium",
            f"{count_of(report.duplicate_rows, 'row')} ({share}) {verb} an earlier one",
            "duplicates",
            first[0].place.where if first else None,
        )


def _list_conversations(report: AuditReport) -> Iterator[Headline]:
    issues: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, details in report.details.items():
        if details.conversations is not None:
            issues.update(details.conversations.issues)
            for issue, rows in details.conversations.examples.items():
                first.setdefault(issue, f"row {rows[0] + 1:,} of {show_name(name)}")
    for issue, count in issues.most_common():
        level, what = _ISSUES.get(issue, ("low", issue))
        text = f"{count_of(count, 'row')} {'has' if count == 1 else 'have'} {what}"
        yield Headline(level, text, "conversations", first.get(issue))


def _list_lengths(report: AuditReport) -> Iterator[Headline]:
    for name, details in report.details.items():
        cut = details.lengths.truncation
        if cut is not None and cut.rows:
            level: Severity = "medium" if cut.token_share > _MANY else "low"
            text = (
                f"max_length {cut.max_length:,} cuts {count_of(cut.rows, 'row')} of {show_name(name)} "
                f"({percent(cut.row_share)}) and loses {percent(cut.token_share)} of the tokens"
            )
            yield Headline(level, text, "lengths")


def _list_quality(report: AuditReport) -> Iterator[Headline]:
    empty = sum(split.get("null_or_empty_count") or 0 for split in report.splits.values())
    if empty:
        level: Severity = "medium" if empty > _MANY * max(report.total_samples, 1) else "low"
        yield Headline(level, f"{count_of(empty, 'row')} without any text", "rows")
    drifting = {name: split.get("schema_drift_columns") or [] for name, split in report.splits.items()}
    for name, columns in drifting.items():
        if columns:
            listed = ", ".join(show_name(column) for column in columns[:4])
            more = f" and {len(columns) - 4} more" if len(columns) > 4 else ""
            noun = "column" if len(columns) == 1 else "columns"
            yield Headline("low", f"not every row of {show_name(name)} has the {noun} {listed}{more}", "columns")
    flagged = report.quality_summary.get("samples_flagged", 0)
    if flagged:
        share = flagged / max(report.quality_summary["samples_evaluated"], 1)
        checks = list_counts(report.quality_summary.get("by_check", {}), most=3)
        yield Headline("low", f"{count_of(flagged, 'row')} ({percent(share)}) with a quality flag: {checks}", "quality")


def _find_first(report: AuditReport, kinds: tuple[str, ...]) -> str | None:
    found = next((finding for finding in report.findings if finding.kind in kinds), None)
    return f"{show_name(found.place.where)}, {show_name(found.field)}" if found else None
