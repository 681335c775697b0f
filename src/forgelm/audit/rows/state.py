"""What the audit keeps of every row, as a value that batches, threads, processes and machines can add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Literal

from forgelm.audit.rows.arrays import Bytes, Ints32, TextBatch, Words, Words32, np
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.minhash import DEFAULT_MINHASH_JACCARD, DEFAULT_MINHASH_NUM_PERM, Bands, choose_bands
from forgelm.audit.rows.tokens import GOLDEN, MIX_1

DedupMethod = Literal["simhash", "minhash"]


@dataclass(frozen=True)
class RowSettings:
    """What is measured of every row. All states that are merged must be made with the same."""

    method: DedupMethod = "simhash"
    minhash_jaccard: float = DEFAULT_MINHASH_JACCARD
    minhash_num_perm: int = DEFAULT_MINHASH_NUM_PERM
    quality: bool = True

    @property
    def bands(self) -> Bands:
        return choose_bands(self.minhash_jaccard, self.minhash_num_perm)


@dataclass(frozen=True)
class KeptRows:
    """One value of every column for every row: 49 bytes a row with SimHash, 53 at most with MinHash.

    ``digest`` is that of the text's bytes, ``bag`` one of its tokens in any order, ``characters`` and ``tokens`` are
    counts, ``quality`` holds ``Quality`` flags, ``sketch`` (rows, 2) bounds the tokens that rows share, ``bands``
    (rows, bands) has a hash of every group of the signature.
    """

    digest: Words
    tokens: Ints32
    characters: Ints32
    quality: Bytes
    simhash: Words
    bag: Words
    sketch: Words
    bands: Words32

    def __len__(self) -> int:
        return len(self.digest)

    @property
    def bytes_per_row(self) -> float:
        return float(sum(getattr(self, column.name).nbytes for column in fields(self))) / max(len(self), 1)


@dataclass(frozen=True)
class Segment:
    """Rows that stand together: ``first`` is the number of the first one in its split, from 0."""

    split: str
    first: int
    rows: KeptRows


@dataclass(frozen=True)
class RowState:
    """Any part of the rows of an audit. Merging is associative and takes parts in any order."""

    segments: tuple[Segment, ...] = field(default=())

    def merge(self, other: RowState) -> RowState:
        return merge_states((self, other))

    def collect(self, splits: Iterable[str]) -> tuple[KeptRows, dict[str, range]]:
        """Return all rows, one split after another, and which of them every split has."""
        ordered = {split: [part for part in self.segments if part.split == split] for split in splits}
        joined = join_rows([part.rows for parts in ordered.values() for part in parts])
        ranges, end = {}, 0
        for split, parts in ordered.items():
            begin, end = end, end + sum(len(part.rows) for part in parts)
            ranges[split] = range(begin, end)
        return joined, ranges


def measure_batch(batch: TextBatch, split: str, first: int, engine: RowEngine, settings: RowSettings) -> RowState:
    """Measure the texts of rows ``first`` and following of a split."""
    return RowState((Segment(split, first, measure_rows(batch, engine, settings)),))


def measure_rows(batch: TextBatch, engine: RowEngine, settings: RowSettings) -> KeptRows:
    """Return what is kept of every row of ``batch``."""
    by_minhash = settings.method == "minhash"
    hashes = engine.hash_rows(batch, settings.minhash_num_perm if by_minhash else 0)
    nothing = np.zeros(0, np.uint64)
    return KeptRows(
        digest=hashes.digest,
        tokens=hashes.tokens.astype(np.int32),
        characters=hashes.characters.astype(np.int32),
        quality=engine.judge_rows(batch) if settings.quality else np.zeros(len(batch), np.uint8),
        simhash=nothing if by_minhash else hashes.simhash,
        bag=nothing if by_minhash else hashes.bag,
        sketch=hashes.sketches,
        bands=hash_bands(hashes.signatures, settings.bands) if by_minhash else np.zeros((len(batch), 0), np.uint32),
    )


def merge_states(states: Iterable[RowState]) -> RowState:
    """Return one state with the segments of all, in the order of their rows."""
    segments = [segment for state in states for segment in state.segments]
    return RowState(tuple(sorted(segments, key=lambda segment: (segment.split, segment.first))))


def join_rows(parts: list[KeptRows]) -> KeptRows:
    """Return the rows of ``parts`` one after another. The list is emptied, so that little is ever there twice."""
    if not parts:
        hashes, counts = np.zeros(0, np.uint64), np.zeros(0, np.int32)
        nothing = np.zeros((0, 2), np.uint64), np.zeros((0, 0), np.uint32)
        return KeptRows(hashes, counts, counts, np.zeros(0, np.uint8), hashes, hashes, *nothing)
    columns = [[getattr(part, column.name) for part in parts] for column in fields(KeptRows)]
    parts.clear()
    joined = []
    for column in columns:
        joined.append(np.concatenate(column))
        column.clear()
    return KeptRows(*joined)


def hash_bands(signatures: Words32, bands: Bands) -> Words32:
    """Return 32 bits for every group of a signature: rows that agree in a group agree in them."""
    keys = np.zeros((len(signatures), bands.bands), np.uint32)
    for band in range(bands.bands):
        value = np.full(len(signatures), band + 1, np.uint64)
        for column in range(band * bands.rows, (band + 1) * bands.rows):
            value = (value ^ signatures[:, column]) * np.uint64(GOLDEN)
            value ^= value >> np.uint64(32)
        keys[:, band] = (value * np.uint64(MIX_1) >> np.uint64(32)).astype(np.uint32)
    return keys
