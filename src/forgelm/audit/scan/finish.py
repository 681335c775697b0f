"""The states of all files to the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from forgelm.audit.conversations import describe_prompt_overlap
from forgelm.audit.duplicates.candidates import find_candidates
from forgelm.audit.duplicates.clusters import merge_first_rows
from forgelm.audit.duplicates.leakage import describe_leakage
from forgelm.audit.duplicates.search import Duplicates, find_duplicates
from forgelm.audit.findings import SEVERITIES
from forgelm.audit.gates import decide_gates
from forgelm.audit.language import LanguageSummary
from forgelm.audit.lengths import summarize_lengths
from forgelm.audit.pii.families import PII_SEVERITY
from forgelm.audit.reading.batch import DESCRIPTIONS, SKIPPED
from forgelm.audit.reading.source import Source
from forgelm.audit.report.parts import (
    AuditedFile,
    AuditSettings,
    ContaminationHit,
    ContaminationSummary,
    LocatedFinding,
)
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.wording import count_of, show_name
from forgelm.audit.rows.arrays import Ints, Ints32, TextBatch, np
from forgelm.audit.rows.quality import summarize_quality
from forgelm.audit.rows.state import KeptRows, join_rows
from forgelm.audit.scan.examples import show_clusters
from forgelm.audit.scan.freed import giving_back
from forgelm.audit.scan.leaves import is_excluded
from forgelm.audit.scan.options import Tools
from forgelm.audit.scan.places import Places
from forgelm.audit.scan.runner import FileState
from forgelm.audit.scan.splits import (
    SplitView,
    TokenLimits,
    count_severities,
    describe_details,
    describe_split,
    list_columns,
    list_views,
    sum_found,
)
from forgelm.audit.scan.state import HITS_SHOWN
from forgelm.audit.scan.texts import read_texts
from forgelm.base.errors import DataError, Problem
from forgelm.data.problems import join_names, refuse

# Below, what is kept beside the rows is less than it costs to give it back.
_MANY_ROWS = 1 << 19


@dataclass(frozen=True)
class Searched:
    """All rows of a scan, one split after another, with their duplicates."""

    places: Places
    rows: KeptRows
    found: Duplicates
    first_of: Ints32
    clusters: tuple[Any, ...]


@dataclass(frozen=True)
class Asked:
    """What the caller wants of the report beside what the tools were made for."""

    allow_pii: bool = False
    allow_secrets: bool = False
    tokenizer: str | None = None
    limits: TokenLimits = field(default_factory=TokenLimits)
    digests: Mapping[str, str] | None = None


def search_duplicates(
    source: Source, files: list[FileState], tools: Tools, *, workers: int = 1, look: Callable[[], None] = lambda: None
) -> Searched:
    """Find the duplicates of all rows. ``files`` is emptied, so that what is kept of every row is there once only.

    ``look`` is called now and then, and may raise to stop.

    Raises:
        DataError: there are no rows, or a file changed since it was scanned.
    """
    places = Places(files, name_of_source=source.given, is_folder=source.is_folder)
    parts = [kept for file in places.files for kept in file.state.kept]
    places.drop_rows()
    files.clear()
    rows = join_rows(parts)
    if not len(rows):
        raise DataError(f"{source.given}: holds no row that can be read{_first_problem(places)}")
    near, engine = tools.options.near, tools.engine
    # Not while texts are read again, for which fresh memory would be fetched for every block.
    thrifty = giving_back if len(rows) >= _MANY_ROWS else nullcontext
    with thrifty():
        candidates = find_candidates(rows, places.ranges, near, engine)
    look()
    read = read_texts(places.files, candidates.wanted, tools.options.excluded, workers=workers)

    def fetch(wanted: Ints) -> TextBatch:
        look()
        return read(wanted)

    with thrifty():
        found = find_duplicates(candidates, fetch)
    clusters = show_clusters(found, places, fetch, tools.scanner)
    return Searched(places, rows, found, merge_first_rows(found), clusters)


def refuse_problems(source: Source, files: Sequence[FileState], tools: Tools) -> None:
    """Refuse a dataset with any row that cannot be read, or only in part, or without what was to be left out.

    Raises:
        DataError: there is one; the first places are named.
    """
    places = Places(files, name_of_source=source.given, is_folder=source.is_folder)
    problems = [
        Problem(
            f"{DESCRIPTIONS[reason]} ({file.state.problems.counts[reason]} of them)",
            places.find_line(number, lines[0]).where,
        )
        for number, file in enumerate(places.files)
        for reason, lines in file.state.problems.places.items()
    ]
    if unknown := _note_unknown(files, tools):
        raise DataError(f"{source.given}: {'; '.join(unknown)}", hint="without --strict it is a note of the report")
    if problems:
        refuse(f"{source.given}: not every row can be read", problems, hint="without --strict they are counted")


def build_report(
    source: Source, searched: Searched, languages: dict[str, LanguageSummary], tools: Tools, asked: Asked
) -> AuditReport:
    """Put the report together."""
    places, rows, found = searched.places, searched.rows, searched.found
    views = list_views(places)
    lengths = {view.name: summarize_lengths(rows.characters[view.part.start : view.part.stop]) for view in views}
    is_repeat = searched.first_of != np.arange(len(rows))
    severities = count_severities(views)
    repeated = np.unique(searched.first_of[is_repeat])
    return AuditReport(
        generated_at=datetime.now(UTC).isoformat(),
        source_path=source.path,
        source_input=source.given,
        total_samples=len(rows),
        splits={
            view.name: describe_split(view, rows, found, languages[view.name], lengths[view.name]) for view in views
        },
        cross_split_overlap=_describe_method(tools) | {"pairs": describe_leakage(found)},
        pii_summary=sum_found(views, "pii"),
        pii_severity=_describe_severity(severities),
        near_duplicate_summary=_describe_method(tools)
        | {"pairs_per_split": dict(found.near_pairs), "is_complete": found.is_complete},
        secrets_summary=sum_found(views, "secret"),
        quality_summary=summarize_quality(np.bincount(rows.quality, minlength=64).tolist())
        if tools.options.rows.quality
        else {},
        croissant={},
        notes=[*source.notes, *_note(views, languages, found), *_note_unknown(places.files, tools)],
        settings=_describe_settings(source, tools, asked),
        gates=decide_gates(severities, allow_pii=asked.allow_pii, allow_secrets=asked.allow_secrets),
        findings=_list_findings(places, tools.options.findings_shown),
        duplicates=searched.clusters,
        duplicate_rows=int(np.count_nonzero(is_repeat)),
        duplicate_clusters=len(repeated),
        details={
            view.name: describe_details(view, found, languages[view.name], lengths[view.name], asked.limits)
            for view in views
        },
        prompt_overlap=describe_prompt_overlap({view.name: view.prompts for view in views})
        if tools.options.prompts
        else {},
        contamination=_describe_contamination(places, tools),
        columns=tuple(column for view in views for column in list_columns(view, tools.options.excluded)),
        files=tuple(
            AuditedFile(
                file.file.split,
                file.file.name,
                file.state.rows,
                file.file.size_bytes,
                (asked.digests or {}).get(file.file.name),
            )
            for file in places.files
        ),
    )


def _note_unknown(files: Sequence[FileState], tools: Tools) -> list[str]:
    """Return a sentence for each name to leave out that no row has: one misspelt would leave nothing out."""
    excluded = tools.options.excluded
    met = excluded & {name for file in files for name in file.state.columns}
    columns = join_names(dict.fromkeys(name for file in files for name in file.state.names))
    return [
        f"no row has '{show_name(name)}', so --exclude left nothing out by that name; the columns are {columns}"
        for name in sorted(excluded)
        if not is_excluded(name, met)
    ]


def _first_problem(places: Places) -> str:
    """Return why there is no row, after a colon: a file's error, or what is wrong with most lines."""
    error = next((file.error for file in places.files if file.error), None)
    if error is not None:
        return f": {error}"
    found = [
        (file.state.problems.counts[reason], reason, places.find_line(number, lines[0]).where)
        for number, file in enumerate(places.files)
        for reason, lines in file.state.problems.places.items()
        if reason in SKIPPED
    ]
    if not found:
        return ""
    count, reason, where = max(found, key=lambda one: one[0])
    return f": {DESCRIPTIONS[reason]} ({count_of(count, 'line')}, the first is {where})"


def _describe_method(tools: Tools) -> dict[str, Any]:
    rows = tools.options.rows
    if rows.method == "minhash":
        return {
            "method": "minhash",
            "jaccard_threshold": rows.minhash_jaccard,
            "num_perm": rows.minhash_num_perm,
        }
    return {"method": "simhash", "hamming_threshold": tools.options.near.hamming}


def _describe_severity(found: Any) -> dict[str, Any]:
    pii = {(kind, severity): count for (category, kind, severity), count in found.items() if category == "pii"}
    by_tier = {tier: sum(count for (_, one), count in pii.items() if one == tier) for tier in SEVERITIES}
    totals: dict[str, int] = {}
    for (kind, _), count in pii.items():
        totals[kind] = totals.get(kind, 0) + count
    return {
        "total": sum(pii.values()),
        "by_tier": by_tier,
        "by_type": {kind: {"count": count, "tier": PII_SEVERITY[kind]} for kind, count in sorted(totals.items())},
        "worst_tier": next((tier for tier in SEVERITIES if by_tier[tier]), None),
    }


def _describe_settings(source: Source, tools: Tools, asked: Asked) -> AuditSettings:
    options = tools.options
    return AuditSettings(
        dedup_method=options.rows.method,
        near_dup_threshold=options.near.hamming,
        verified_jaccard=options.near.jaccard,
        minhash_jaccard=options.rows.minhash_jaccard,
        minhash_num_perm=options.rows.minhash_num_perm,
        quality=options.rows.quality,
        pii_ml=options.pii_ml,
        excluded_columns=tuple(sorted(options.excluded)),
        tokenizer=asked.tokenizer,
        max_length=asked.limits.max_length,
        language_sample_rows=options.language_sample,
        findings_shown=options.findings_shown,
        more={"sources": dict(source.pins)} if source.pins else {},
    )


def _list_findings(places: Places, most: int) -> tuple[LocatedFinding, ...]:
    """Return the first findings of every kind over all files, the worst first."""
    seen: dict[str, int] = {}
    shown = []
    for number, file in enumerate(places.files):
        for finding in file.state.findings:
            seen[finding.kind] = seen.get(finding.kind, 0) + 1
            if seen[finding.kind] <= most:
                place = places.find_in(number, finding.row)
                shown.append(
                    LocatedFinding(
                        finding.category,
                        finding.kind,
                        finding.severity,
                        place,
                        finding.field,
                        finding.span,
                        finding.preview,
                    )
                )
    return tuple(sorted(shown, key=lambda finding: (SEVERITIES.index(finding.severity), finding.kind)))


def _describe_contamination(places: Places, tools: Tools) -> ContaminationSummary | None:
    if tools.benchmarks is None:
        return None
    counts = dict.fromkeys(tools.benchmarks.names, 0)
    hits = []
    for number, file in enumerate(places.files):
        for name, count in file.state.contaminated.items():
            counts[name] += count
        hits += [
            ContaminationHit(places.find_in(number, hit.row), hit.benchmark, hit.item, hit.shared, round(hit.share, 4))
            for hit in file.state.contamination
        ]
    return ContaminationSummary(tools.benchmarks.ngram, counts, tuple(hits[:HITS_SHOWN]))


def _note(views: Sequence[SplitView], languages: dict[str, LanguageSummary], found: Duplicates) -> list[str]:
    notes = list(dict.fromkeys(summary.note for summary in languages.values() if summary.note))
    for view in views:
        for number in view.numbers:
            file = view.places.files[number]
            if file.error:
                notes.append(f"{view.name}: not read to its end: {file.error}" if file.state.rows else
                             f"{view.name}: not read: {file.error}")  # fmt: skip
        skipped = sum(view.count_problem(reason) for reason in ("not_json", "not_object", "too_deep", "wrong_cells"))
        if skipped:
            lines = f"{count_of(skipped, 'line')} {'holds' if skipped == 1 else 'hold'} no row that can be read"
            notes.append(f"{view.name}: {lines} and {'was' if skipped == 1 else 'were'} left out")
    if not found.is_complete:
        notes.append(
            "near duplicates are so many that not all pairs were compared: the counts of pairs are lower bounds, "
            "clusters, duplicate rows and leaks are exact"
        )
    return notes
