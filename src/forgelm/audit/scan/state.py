"""What the audit knows of consecutive rows of one file; states of neighbours add up to that of the file."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.croissant.column_types import ColumnType
from forgelm.audit.croissant.column_types import merge_columns as merge_types
from forgelm.audit.duplicates.contamination import Contamination
from forgelm.audit.findings import Severity, Span
from forgelm.audit.language import LanguageSample
from forgelm.audit.reading.batch import Problems
from forgelm.audit.report.parts import Category
from forgelm.audit.rows.arrays import Ints32, Words
from forgelm.audit.rows.state import KeptRows
from forgelm.audit.scan.leaves import ColumnFacts

HITS_SHOWN = 100
FindingKey: TypeAlias = tuple[Category, str, Severity]


@dataclass(frozen=True)
class LocalFinding:
    """One value found; ``row`` counts from the first row of the state that holds it."""

    category: Category
    kind: str
    severity: Severity
    row: int
    field: str
    span: Span
    preview: str

    @property
    def key(self) -> FindingKey:
        return self.category, self.kind, self.severity


@dataclass(frozen=True)
class Stretch:
    """``rows`` rows out of ``lines`` lines; ``places`` holds the line of each, ``None`` where row i is on line i.

    ``span`` is where in the file they stand, in bytes, where any of the rows read alone says the same.
    """

    rows: int
    lines: int
    places: Ints32 | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class PartState:
    """What is known of consecutive rows. ``blank`` of them say nothing; ``texts`` may hold what each of them says.

    ``columns`` are those called ``names``, and the texts inside them. Of ``findings`` and ``contamination`` the first
    are kept, their counts are complete. One array per batch stands in ``kept``, ``token_lengths`` and ``prompts``.
    """

    kept: tuple[KeptRows, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    blank: int = 0
    findings: tuple[LocalFinding, ...] = ()
    found: Counter[FindingKey] = field(default_factory=Counter)
    problems: Problems = field(default_factory=Problems)
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    languages: LanguageSample = field(default_factory=LanguageSample)
    turns: TurnSummary = field(default_factory=TurnSummary)
    token_lengths: tuple[Ints32, ...] = ()
    prompts: tuple[Words, ...] = ()
    contamination: tuple[Contamination, ...] = ()
    contaminated: Counter[str] = field(default_factory=Counter)
    texts: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def rows(self) -> int:
        return self._first_rows[-1]

    @property
    def lines(self) -> int:
        return self._first_lines[-1]

    @cached_property
    def _first_rows(self) -> list[int]:
        return list(accumulate((stretch.rows for stretch in self.stretches), initial=0))

    @cached_property
    def _first_lines(self) -> list[int]:
        return list(accumulate((stretch.lines for stretch in self.stretches), initial=0))

    def find_line(self, row: int) -> int:
        """Return the line, from 0, that a row stands on."""
        number = bisect_right(self._first_rows, row) - 1
        places, within = self.stretches[number].places, row - self._first_rows[number]
        return self._first_lines[number] + (within if places is None else int(places[within]))

    def count_before(self, line: int) -> int:
        """Return how many rows stand before a line, counted from 0."""
        number = min(bisect_right(self._first_lines, line), len(self.stretches)) - 1
        stretch, within = self.stretches[number], line - self._first_lines[number]
        before = min(within, stretch.rows) if stretch.places is None else int(stretch.places.searchsorted(within))
        return self._first_rows[number] + before


def join_states(parts: Iterable[PartState], findings_shown: int) -> PartState:
    """Return one state for the rows of ``parts``, which follow each other in one file."""
    joined = PartState()
    for part in parts:
        joined = _append(joined, part, findings_shown)
    return joined


def _append(before: PartState, later: PartState, findings_shown: int) -> PartState:
    rows = before.rows
    if not before.stretches:
        return later
    moved = tuple(replace(finding, row=finding.row + rows) for finding in later.findings)
    hits = tuple(replace(hit, row=hit.row + rows) for hit in later.contamination)
    return PartState(
        kept=before.kept + later.kept,
        stretches=before.stretches + later.stretches,
        blank=before.blank + later.blank,
        findings=limit_findings((*before.findings, *moved), findings_shown),
        found=before.found + later.found,
        problems=before.problems.merge(later.problems, before.lines),
        columns=merge_columns(before.columns, later.columns),
        names=tuple(dict.fromkeys((*before.names, *later.names))),
        types=merge_types((before.types, later.types)),
        languages=before.languages.merge(later.languages),
        turns=before.turns.merge(move_examples(later.turns, rows)),
        token_lengths=before.token_lengths + later.token_lengths,
        prompts=before.prompts + later.prompts,
        contamination=(before.contamination + hits)[:HITS_SHOWN],
        contaminated=before.contaminated + later.contaminated,
        texts=before.texts + later.texts,
    )


def limit_findings(findings: Iterable[LocalFinding], most: int) -> tuple[LocalFinding, ...]:
    """Return the first ``most`` findings of every kind, in the order they are in."""
    seen: Counter[str] = Counter()
    kept = []
    for finding in findings:
        seen[finding.kind] += 1
        if seen[finding.kind] <= most:
            kept.append(finding)
    return tuple(kept)


def merge_columns(before: Mapping[str, ColumnFacts], later: Mapping[str, ColumnFacts]) -> dict[str, ColumnFacts]:
    """Return what is known of the columns of both, those of ``before`` first."""
    merged = dict(before)
    for name, facts in later.items():
        merged[name] = merged[name].merge(facts) if name in merged else facts
    return merged


def move_examples(turns: TurnSummary, rows: int) -> TurnSummary:
    """Return ``turns`` with the row numbers of its examples counted from ``rows`` rows earlier."""
    return replace(
        turns,
        examples={issue: tuple(row + rows for row in examples) for issue, examples in turns.examples.items()},
    )
