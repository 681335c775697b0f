"""A report to the values its page shows, section by section, cut so that the page of the largest audit stays small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.audit.findings import SEVERITIES, Severity
from forgelm.audit.lengths import LengthSummary, Truncation
from forgelm.audit.report.charts import draw_histogram
from forgelm.audit.report.differences import Piece, mark_differences
from forgelm.audit.report.headlines import describe_issue
from forgelm.audit.report.parts import DuplicateCluster, LocatedFinding
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.wording import count_of, percent, show_bytes, show_name, show_text
from forgelm.data.batching import Batching

_MOST_OPEN = 3
_MOST_LANGUAGES = 12
_EXAMPLE_CHARACTERS = 500
_MEANINGS = MappingProxyType(
    {
        "low_alpha_ratio": "fewer than 70% of the characters are letters",
        "low_punct_endings": "fewer than half of the lines end as sentences do",
        "abnormal_mean_word_length": "words are shorter than 3 or longer than 12 characters on average",
        "short_paragraphs": "more than half of the paragraphs have fewer than 5 words",
        "repeated_lines": "three lines make up more than 30% of the text",
    }
)


@dataclass(frozen=True)
class Limits:
    """How much of everything a page shows; ``splits`` limits the parts that have a chart or a table for each."""

    items: int = 100
    splits: int = 8
    places: int = 10
    clusters: int = 12
    cluster_rows: int = 4


@dataclass(frozen=True)
class Kind:
    """One kind of personal data or credential with its first ``places``."""

    name: str
    what: str
    level: Severity
    count: int
    places: tuple[LocatedFinding, ...]
    left: int
    open: bool


@dataclass(frozen=True)
class Leak:
    """How many rows of one split are repeated in another; ``prompts`` is ``None`` where none were compared."""

    of: str
    into: str
    rows: int
    rate: float
    prompts: int | None
    prompt_rate: float


@dataclass(frozen=True)
class ClusterRow:
    """One row of a cluster; against the first one, its ``pieces`` are the same, added or removed."""

    where: str
    split: str
    note: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Cluster:
    """One cluster of duplicates at ``places`` and ``left`` others; equal rows are shown once."""

    size: int
    exact: bool
    places: tuple[str, ...]
    left: int
    rows: tuple[ClusterRow, ...]


@dataclass(frozen=True)
class LengthChart:
    """The lengths of one split in one unit, drawn and in words."""

    split: str
    unit: str
    svg: str
    text: str
    cut: str | None
    advice: str | None


def list_kinds(report: AuditReport, limits: Limits) -> list[Kind]:
    """Return every kind found, the worst and then the most frequent first."""
    located: dict[str, list[LocatedFinding]] = {}
    for finding in report.findings:
        located.setdefault(finding.kind, []).append(finding)
    counted: list[tuple[str, str, Severity, int]] = [
        (kind, "personal data", facts["tier"], facts["count"])
        for kind, facts in report.pii_severity.get("by_type", {}).items()
    ]
    for kind, count in report.secrets_summary.items():
        level: Severity = located[kind][0].severity if kind in located else "critical"
        counted.append((kind, "credential", level, count))
    counted.sort(key=lambda kind: (SEVERITIES.index(kind[2]), -kind[3], kind[0]))
    kinds = []
    for place, (name, what, level, count) in enumerate(counted):
        found = located.get(name, [])[: limits.places]
        is_open = level == "critical" and place < _MOST_OPEN
        kinds.append(Kind(name, what, level, count, tuple(found), count - len(found), is_open))
    return kinds


def list_leaks(report: AuditReport) -> list[Leak]:
    """Return both directions of every pair of splits that share rows or prompts, the highest share first."""
    leaks = []
    for name, leak in report.cross_split_overlap.get("pairs", {}).items():
        a, _, b = name.partition("__")
        shared = report.prompt_overlap.get(name)
        for of, into, side in ((b, a, "b"), (a, b, "a")):
            prompts = shared[f"shared_rows_in_{side}"] if shared else None
            rate = shared[f"shared_rate_{side}"] if shared else 0.0
            if leak[f"leaked_rows_in_{side}"] or prompts:
                leaks.append(Leak(of, into, leak[f"leaked_rows_in_{side}"], leak[f"leak_rate_{side}"], prompts, rate))
    return sorted(leaks, key=lambda leak: -leak.rate)


def list_clusters(report: AuditReport, limits: Limits) -> list[Cluster]:
    """Return the largest clusters with the differences of their rows marked."""
    return [_mark_cluster(cluster, limits) for cluster in report.duplicates[: limits.clusters]]


def list_problems(report: AuditReport) -> list[tuple[str, Any]]:
    """Return what is wrong with rows, by split, the most frequent first."""
    found = [(name, problem) for name, details in report.details.items() for problem in details.problems]
    return sorted(found, key=lambda item: -item[1].count)


def list_conversations(report: AuditReport, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield the turns, the labels and the issues of every split that has any."""
    for name, details in list(report.details.items())[: limits.splits]:
        summary = details.conversations
        if summary is None or not (summary.turns or summary.issues or summary.labels):
            continue
        counts = [f"{count:,} of {role}" for role, count in sorted(summary.turns.items(), key=lambda item: -item[1])]
        sentences = [f"Turns: {', '.join(counts)}."] if counts else []
        if summary.label_balance is not None:
            sentences.append(f"{percent(summary.label_balance)} of the labels are true.")
        if not summary.issues:
            sentences.append("Nothing is wrong with their order.")
        issues = [
            {
                "text": describe_issue(issue),
                "count": count,
                "share": count / max(summary.rows, 1),
                "rows": ", ".join(f"{row + 1:,}" for row in summary.examples.get(issue, ())[: limits.places]),
            }
            for issue, count in sorted(summary.issues.items(), key=lambda item: (-item[1], item[0]))
        ]
        yield {"name": name, "text": " ".join(sentences), "issues": issues}


def list_lengths(report: AuditReport, limits: Limits) -> Iterator[LengthChart]:
    """Yield a chart for every split and unit that was measured; tokens first, which are what is trained on."""
    for name, details in list(report.details.items())[: limits.splits]:
        lengths = details.lengths
        if lengths.tokens is not None:
            yield _chart(name, "tokens", lengths.tokens, lengths.truncation, lengths.batching)
        if lengths.characters is not None:
            yield _chart(name, "characters", lengths.characters)


def list_languages(report: AuditReport, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield the languages of every split in which any row was looked at."""
    for name, details in list(report.details.items())[: limits.splits]:
        summary = details.languages
        if summary is None or not summary.sampled:
            continue
        sampled = f"{count_of(summary.sampled, 'row')} of {summary.rows:,} looked at"
        yield {
            "name": name,
            "text": summary.note or ("every row looked at" if summary.sampled == summary.rows else sampled),
            "languages": summary.languages[:_MOST_LANGUAGES],
            "left": max(len(summary.languages) - _MOST_LANGUAGES, 0),
        }


def describe_quality(report: AuditReport) -> dict[str, Any] | None:
    """Return the checks with what they mean, or ``None`` where quality was not judged."""
    summary = report.quality_summary
    evaluated = summary.get("samples_evaluated", 0)
    if not evaluated:
        return None
    return {
        "text": (
            f"{count_of(summary['samples_flagged'], 'row')} of {evaluated:,} "
            f"({percent(summary['samples_flagged'] / evaluated)}) "
            f"{'raises' if summary['samples_flagged'] == 1 else 'raise'} a flag. The checks were made for English "
            "prose: tables, poems and scripts without spaces raise them too, so they advise and never decide."
        ),
        "checks": [
            {"name": name, "meaning": _MEANINGS.get(name, ""), "count": count, "share": count / evaluated}
            for name, count in sorted(summary.get("by_check", {}).items(), key=lambda item: -item[1])
        ],
    }


def list_columns(report: AuditReport) -> Iterator[dict[str, str]]:
    """Yield the columns, and the texts inside them."""
    for column in report.columns:
        rows = report.splits.get(column.split, {}).get("sample_count", 0)
        yield {
            "name": column.name,
            "split": column.split,
            "types": ", ".join(map(show_name, column.types)),
            "filled": percent(min(column.filled / rows, 1.0)) if rows else "-",
            "scanned": "excluded by name" if column.excluded else "yes" if column.scanned else "no text",
        }


def list_files(report: AuditReport) -> Iterator[dict[str, Any]]:
    """Yield the files with their digests."""
    for file in report.files:
        size = show_bytes(file.size_bytes) if file.size_bytes is not None else "-"
        yield {"path": file.path, "split": file.split, "rows": file.rows, "size": size, "sha256": file.sha256}


def list_settings(report: AuditReport) -> list[tuple[str, str]]:
    """Return what the audit was asked to do, in words."""
    settings = report.settings
    near = (
        f"SimHash within {settings.near_dup_threshold} bits"
        if settings.dedup_method == "simhash"
        else f"MinHash of {settings.minhash_num_perm} permutations at {settings.minhash_jaccard:g}"
    )
    sample = settings.language_sample_rows
    rows = [
        ("near duplicates", f"{near}, and at least {percent(settings.verified_jaccard)} of the words in common"),
        ("quality checks", "on" if settings.quality else "off"),
        ("names and places", f"by a model, {settings.pii_ml}" if settings.pii_ml else "not looked for"),
        ("columns excluded", ", ".join(settings.excluded_columns) or "none"),
        ("tokenizer", settings.tokenizer or "none"),
        ("max_length", f"{settings.max_length:,}" if settings.max_length else "none"),
        ("languages", "every row" if sample is None else f"a random sample of up to {sample:,} rows a split"),
    ]
    return rows + [(str(name).replace("_", " "), str(value)) for name, value in settings.more.items()]


def _mark_cluster(cluster: DuplicateCluster, limits: Limits) -> Cluster:
    shown = cluster.rows[: 1 if cluster.exact else limits.cluster_rows]
    texts = [show_text(row.example, _EXAMPLE_CHARACTERS) for row in shown]
    rows = []
    for number, (row, text) in enumerate(zip(shown, texts, strict=True)):
        pieces = mark_differences(texts[0], text) if number else [Piece(text, "same")] if text else []
        note = ", the first of them" if not number else "" if len(pieces) > 1 else ", the same as far as shown"
        rows.append(ClusterRow(row.place.where, row.place.split, note, tuple(pieces)))
    places = tuple(row.place.where for row in cluster.rows)
    return Cluster(cluster.size, cluster.exact, places, cluster.size - len(places), tuple(rows))


def _chart(
    split: str,
    unit: str,
    lengths: LengthSummary,
    cut: Truncation | None = None,
    advice: Batching | None = None,
) -> LengthChart:
    text = (
        f"{count_of(lengths.rows, 'row')} with text, from {lengths.min:,} to {lengths.max:,} {unit}; "
        f"mean {lengths.mean:,.0f}, median {lengths.p50:,}, 95% up to {lengths.p95:,}, 99% up to {lengths.p99:,}; "
        f"{lengths.total:,} {unit} in all."
    )
    return LengthChart(
        split, unit, draw_histogram(lengths, unit, cut.max_length if cut else None), text,
        _describe_cut(cut) if cut else None, _describe_advice(advice) if advice else None,
    )  # fmt: skip


def _describe_cut(cut: Truncation) -> str:
    if not cut.rows:
        return f"max_length {cut.max_length:,} cuts no row."
    return (
        f"max_length {cut.max_length:,} would cut {count_of(cut.rows, 'row')} ({percent(cut.row_share)}); "
        f"{percent(cut.token_share)} of the tokens are beyond it."
    )


def _describe_advice(advice: Batching) -> str:
    return (
        f"In batches of {advice.batch_size}, {percent(advice.random_waste)} would be padding in random order and "
        f"{percent(advice.grouped_waste)} with rows of like length together. A run takes them in {advice}."
    )
