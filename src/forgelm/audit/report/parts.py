"""The parts of an audit's report beyond the contract's fields: where things were found, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.findings import Severity, Span
from forgelm.audit.language import LanguageSummary
from forgelm.audit.lengths import LengthSummary, Truncation
from forgelm.data.batching import Batching

Category = Literal["pii", "secret"]
GateStatus = Literal["passed", "failed", "suppressed"]


@dataclass(frozen=True)
class Place:
    """Where a row stands. ``row`` counts from 0 in its split, as ``datasets`` counts.

    ``where`` is for people: ``train.jsonl:57`` where rows are lines, else ``train.parquet, row 57`` counted from 1.
    """

    split: str
    row: int
    where: str


@dataclass(frozen=True)
class LocatedFinding:
    """One value found. ``field`` is its path in the row, such as ``messages[3].content``.

    ``span`` counts characters of that text, end exclusive; ``preview`` never holds the value.
    """

    category: Category
    kind: str
    severity: Severity
    place: Place
    field: str
    span: Span
    preview: str


@dataclass(frozen=True)
class DuplicateRow:
    """One row of a cluster; ``example`` is the beginning of its text with personal data and credentials masked."""

    place: Place
    example: str


@dataclass(frozen=True)
class DuplicateCluster:
    """``size`` rows that repeat each other, ``exact`` where to the byte, and the first of them."""

    size: int
    exact: bool
    rows: tuple[DuplicateRow, ...]


@dataclass(frozen=True)
class RowProblem:
    """One kind of row that could not be read, or only in part: ``count`` of them and the first few places.

    ``reason`` is one word, such as ``not_json``; ``skipped`` where such rows are not samples.
    """

    reason: str
    description: str
    count: int
    skipped: bool
    first: tuple[Place, ...]


@dataclass(frozen=True)
class ColumnInfo:
    """One column of a split, or one text inside it (``messages[].content``).

    ``types`` are the kinds of values met, the most frequent first; ``filled`` counts rows in which it is there and
    not null; ``scanned`` is false for columns without text and for those excluded by name.
    """

    split: str
    name: str
    types: tuple[str, ...]
    filled: int
    scanned: bool
    excluded: bool = False


@dataclass(frozen=True)
class AuditedFile:
    """One file that was read. ``path`` is relative to the source where that is a folder.

    ``sha256`` is ``None`` for what has no bytes on this machine, such as a remote address.
    """

    split: str
    path: str
    rows: int
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class SplitLengths:
    """Lengths of the rows of a split: in characters always, in tokens where a tokenizer was given."""

    characters: LengthSummary | None = None
    tokens: LengthSummary | None = None
    truncation: Truncation | None = None
    batching: Batching | None = None


@dataclass(frozen=True)
class SplitDetails:
    """What is known of one split beyond the contract's fields."""

    lengths: SplitLengths = field(default_factory=SplitLengths)
    languages: LanguageSummary | None = None
    conversations: TurnSummary | None = None
    exact_duplicates: int = 0
    near_duplicates: int = 0
    candidate_pairs: int = 0
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True)
class ContaminationHit:
    """One row that holds text of a benchmark's item, counted from 0: ``shared`` n-grams, a ``share`` of its own."""

    place: Place
    benchmark: str
    item: int
    shared: int
    share: float


@dataclass(frozen=True)
class ContaminationSummary:
    """``rows`` counts, by benchmark, the rows that hold its text; ``first`` are the first of them."""

    ngram: int
    rows: dict[str, int]
    first: tuple[ContaminationHit, ...]


@dataclass(frozen=True)
class GateResult:
    """What a gate of the audit decides. ``suppressed``: it would have failed, and was allowed by name.

    ``critical_*`` are what it judges, ``advisory_*`` what it only mentions.
    """

    name: Literal["pii", "secrets"]
    status: GateStatus
    severity: Severity | None
    critical_total: int
    critical_types: tuple[str, ...]
    advisory_total: int
    advisory_types: tuple[str, ...]
    allowed: bool


@dataclass(frozen=True)
class AuditSettings:
    """What the audit was asked to do, as far as its result depends on it."""

    dedup_method: str
    near_dup_threshold: int
    verified_jaccard: float
    minhash_jaccard: float
    minhash_num_perm: int
    quality: bool
    pii_ml: str | None
    excluded_columns: tuple[str, ...]
    tokenizer: str | None
    max_length: int | None
    language_sample_rows: int | None
    findings_shown: int
    more: dict[str, Any] = field(default_factory=dict)
