"""The files and rows of a split to what the report says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.duplicates.search import Duplicates
from forgelm.audit.language import LanguageSample, LanguageSummary
from forgelm.audit.lengths import LengthSummary, advise_batching, measure_truncation, summarize_lengths
from forgelm.audit.reading.batch import DESCRIPTIONS, PLACES_KEPT, SKIPPED
from forgelm.audit.report.parts import Category, ColumnInfo, RowProblem, SplitDetails, SplitLengths
from forgelm.audit.rows.arrays import Ints32, Words, np
from forgelm.audit.rows.quality import summarize_quality
from forgelm.audit.rows.state import KeptRows
from forgelm.audit.scan.leaves import ColumnFacts, is_excluded
from forgelm.audit.scan.places import Places
from forgelm.audit.scan.state import merge_columns, move_examples


@dataclass(frozen=True)
class TokenLimits:
    """What lengths in tokens are compared with."""

    max_length: int | None = None
    batch_size: int = 8


@dataclass(frozen=True)
class SplitView:
    """One split of a scan: ``numbers`` are those of its files in ``places``, ``part`` its rows over all splits."""

    name: str
    numbers: tuple[int, ...]
    part: range
    places: Places

    @property
    def columns(self) -> dict[str, ColumnFacts]:
        merged: dict[str, ColumnFacts] = {}
        for number in self.numbers:
            merged = merge_columns(merged, self.places.files[number].state.columns)
        return merged

    @property
    def top_columns(self) -> dict[str, ColumnFacts]:
        """The columns themselves, without the texts inside them."""
        names = {name for number in self.numbers for name in self.places.files[number].state.names}
        return {name: facts for name, facts in self.columns.items() if name in names}

    @property
    def languages(self) -> LanguageSample:
        first, *others = (self.places.files[number].state.languages for number in self.numbers)
        for other in others:
            first = first.merge(other)
        return first

    @property
    def turns(self) -> TurnSummary:
        joined, rows = TurnSummary(), 0
        for number in self.numbers:
            state = self.places.files[number].state
            joined, rows = joined.merge(move_examples(state.turns, rows)), rows + state.rows
        return joined

    @property
    def token_lengths(self) -> Ints32 | None:
        parts = [part for number in self.numbers for part in self.places.files[number].state.token_lengths]
        return np.concatenate(parts) if parts else None

    @property
    def prompts(self) -> Words:
        parts = [part for number in self.numbers for part in self.places.files[number].state.prompts]
        return np.concatenate([np.zeros(0, np.uint64), *parts])

    def count_found(self, category: Category) -> dict[str, int]:
        """Return how often each kind was found, the most frequent first."""
        counts: Counter[str] = Counter()
        for number in self.numbers:
            for (group, kind, _), count in self.places.files[number].state.found.items():
                counts[kind] += count if group == category else 0
        return {kind: count for kind, count in counts.most_common() if count}

    def count_problem(self, reason: str) -> int:
        return sum(self.places.files[number].state.problems.counts.get(reason, 0) for number in self.numbers)


def list_views(places: Places) -> list[SplitView]:
    """Return every split, in the order of the report."""
    return [
        SplitView(
            name, tuple(number for number, file in enumerate(places.files) if file.file.split == name), part, places
        )
        for name, part in places.ranges.items()
    ]


def describe_split(
    view: SplitView, rows: KeptRows, found: Duplicates, languages: LanguageSummary, lengths: LengthSummary | None
) -> dict[str, Any]:
    """Return the contract's facts about one split; ``rows`` are those of all splits."""
    count = len(view.part)
    blank = sum(view.places.files[number].state.blank for number in view.numbers)
    quality = summarize_quality(np.bincount(rows.quality[view.part.start : view.part.stop], minlength=64).tolist())
    by_minhash = rows.bands.shape[1] > 0
    top = view.top_columns
    described = {
        "sample_count": count,
        "columns": list(top),
        "schema_drift_columns": [name for name, facts in top.items() if facts.filled < count or len(facts.kinds) > 1],
        "non_object_rows": view.count_problem("not_object"),
        "text_length": _describe_lengths(lengths),
        "null_or_empty_count": blank,
        "null_or_empty_rate": round(blank / count, 4) if count else 0.0,
        "languages_top3": languages.top3,
        "minhash_distinct" if by_minhash else "simhash_distinct": found.distinct[view.name],
        "pii_counts": view.count_found("pii"),
        "secrets_counts": view.count_found("secret"),
        "quality_samples_evaluated": quality["samples_evaluated"],
        "quality_samples_flagged": quality["samples_flagged"],
        "quality_flags_counts": {name: rows for name, rows in quality["by_check"].items() if rows},
        "near_duplicate_pairs": found.near_pairs[view.name],
        "parse_errors": sum(view.count_problem(reason) for reason in ("not_json", "too_deep", "wrong_cells")),
        "decode_errors": view.count_problem("not_utf8"),
    }
    errors = [(file.error, file.file.name) for number in view.numbers if (file := view.places.files[number]).error]
    return described | ({"error": errors[0][0], "path": errors[0][1]} if errors else {})


def describe_details(
    view: SplitView, found: Duplicates, languages: LanguageSummary, lengths: LengthSummary | None, limits: TokenLimits
) -> SplitDetails:
    """Return what is known of one split beyond the contract's facts."""
    part = slice(view.part.start, view.part.stop)
    numbers = np.arange(view.part.start, view.part.stop)
    exact = int(np.count_nonzero(found.exact_first[part] != numbers))
    either = int(np.count_nonzero((found.near_first[part] != numbers) | (found.exact_first[part] != numbers)))
    turns = view.turns
    return SplitDetails(
        lengths=_measure_lengths(view.token_lengths, lengths, limits),
        languages=languages,
        conversations=turns if turns.turns or turns.issues or turns.labels else None,
        exact_duplicates=exact,
        near_duplicates=either - exact,
        candidate_pairs=found.candidate_pairs[view.name],
        problems=tuple(_list_problems(view)),
    )


def list_columns(view: SplitView, excluded: frozenset[str]) -> list[ColumnInfo]:
    """Return the columns of a split, and the texts inside them."""
    return [
        ColumnInfo(
            view.name,
            name,
            tuple(kind for kind, _ in facts.kinds.most_common()),
            facts.filled,
            scanned=facts.kinds["text"] > 0 and not is_excluded(name, excluded),
            excluded=is_excluded(name, excluded),
        )
        for name, facts in view.columns.items()
    ]


def _describe_lengths(lengths: LengthSummary | None) -> dict[str, Any]:
    if lengths is None:
        return {"min": 0, "max": 0, "mean": 0.0, "p50": 0, "p95": 0}
    mean = round(lengths.mean, 2)
    return {"min": lengths.min, "max": lengths.max, "mean": mean, "p50": lengths.p50, "p95": lengths.p95}


def _measure_lengths(tokens: Ints32 | None, characters: LengthSummary | None, limits: TokenLimits) -> SplitLengths:
    if tokens is None:
        return SplitLengths(characters)
    return SplitLengths(
        characters,
        summarize_lengths(tokens),
        measure_truncation(tokens, limits.max_length) if limits.max_length is not None else None,
        advise_batching(tokens, limits.batch_size, max_length=limits.max_length),
    )


def _list_problems(view: SplitView) -> list[RowProblem]:
    found = []
    for reason, description in DESCRIPTIONS.items():
        places = [
            view.places.find_line(number, line)
            for number in view.numbers
            for line in view.places.files[number].state.problems.places.get(reason, ())
        ]
        if count := view.count_problem(reason):
            found.append(RowProblem(str(reason), description, count, reason in SKIPPED, tuple(places[:PLACES_KEPT])))
    return found


def sum_found(views: Sequence[SplitView], category: Category) -> dict[str, int]:
    """Return how often each kind was found in all splits, the most frequent first."""
    counts: Counter[str] = Counter()
    for view in views:
        counts.update(view.count_found(category))
    return dict(counts.most_common())


def count_severities(views: Sequence[SplitView]) -> Counter[tuple[Category, str, Any]]:
    """Return how often each kind of each severity was found in all splits."""
    counts: Counter[tuple[Category, str, Any]] = Counter()
    for view in views:
        for number in view.numbers:
            counts += view.places.files[number].state.found
    return counts


Views = Mapping[str, SplitView]
