"""Benchmark texts to the rows of a dataset that hold them: a model that was trained on its exam proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from forgelm.audit.rows.arrays import Bits, Ints, Ints32, TextBatch, Words, np
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.tokens import GOLDEN
from forgelm.audit.rows.vectors import Tokens
from forgelm.base.errors import ConfigError, DataError

DEFAULT_NGRAM = 13

_FACTOR = GOLDEN  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_FACTOR, -1, 2**64)
_LEAST_TOKENS = 5


@dataclass(frozen=True)
class BenchmarkIndex:
    """The n-grams of named benchmarks: ``grams`` (sorted hashes), and for each the item it is from.

    ``names`` are the benchmarks, ``benchmark_of`` and ``item_of`` (number in its benchmark, from 0) describe items.
    Items shorter than ``ngram`` tokens, but no shorter than 5, count as one n-gram of their own length, listed in
    ``lengths``.
    """

    ngram: int
    names: tuple[str, ...]
    lengths: tuple[int, ...]
    grams: Words
    item: Ints32
    benchmark_of: Ints32
    item_of: Ints32


@dataclass(frozen=True)
class Contamination:
    """One row that holds ``shared`` n-grams, a ``share`` (0 to 1) of those it has, of a benchmark's item."""

    row: int
    benchmark: str
    item: int
    shared: int
    share: float


def build_benchmark_index(
    benchmarks: Mapping[str, Sequence[str]], engine: RowEngine, *, ngram: int = DEFAULT_NGRAM
) -> BenchmarkIndex:
    """Index the texts of every benchmark, given by its name.

    Raises:
        ConfigError: ``ngram`` is below 5, where ordinary phrases would count.
        DataError: a benchmark has no text that is long enough.
    """
    if ngram < _LEAST_TOKENS:
        raise ConfigError(f"an n-gram must have at least {_LEAST_TOKENS} tokens, got {ngram}")
    texts = [text for items in benchmarks.values() for text in items]
    tokens = engine.hash_tokens(TextBatch.from_texts(texts))
    sizes = np.diff(tokens.offsets)
    benchmark_of = np.repeat(np.arange(len(benchmarks)), [len(items) for items in benchmarks.values()])
    for number, name in enumerate(benchmarks):
        if not (sizes[benchmark_of == number] >= _LEAST_TOKENS).any():
            raise DataError(f"benchmark '{name}' has no text of at least {_LEAST_TOKENS} words")
    lengths = sorted({min(int(size), ngram) for size in sizes if size >= _LEAST_TOKENS})
    grams, items = [], []
    for length in lengths:
        hashes, rows = hash_ngrams(tokens, length)
        wanted = (np.minimum(sizes, ngram) == length)[rows]
        grams.append(hashes[wanted])
        items.append(rows[wanted])
    joined, first = np.unique(np.concatenate(grams), return_index=True)
    item_of = np.concatenate([np.arange(len(items_of)) for items_of in benchmarks.values()])
    return BenchmarkIndex(
        ngram,
        tuple(benchmarks),
        tuple(lengths),
        joined,
        np.concatenate(items)[first].astype(np.int32),
        benchmark_of.astype(np.int32),
        item_of.astype(np.int32),
    )


def find_contamination(batch: TextBatch, first: int, index: BenchmarkIndex, engine: RowEngine) -> list[Contamination]:
    """Return rows ``first`` and following of which some n-gram is also in a benchmark, with the item most shared.

    Rows that repeat an item in other words are found by ``find_duplicates`` with the benchmark as one more split.
    """
    tokens = engine.hash_tokens(batch)
    found_rows, found_items = [], []
    for length in index.lengths:
        hashes, rows = hash_ngrams(tokens, length)
        place, is_known = _look_up(hashes, index.grams)
        found_rows.append(rows[is_known])
        found_items.append(index.item[place[is_known]])
    possible = np.maximum(np.diff(tokens.offsets) - index.ngram + 1, 1)
    return _summarize(np.concatenate(found_rows), np.concatenate(found_items), possible, first, index)


def hash_ngrams(tokens: Tokens, length: int) -> tuple[Words, Ints]:
    """Return the hash of every run of ``length`` tokens, and its row.

    Windows of a running sum of hashes times powers of a factor: the cost does not depend on the length.
    """
    count = len(tokens.hashes)
    if count < length:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    rows = np.repeat(np.arange(len(tokens.offsets) - 1), np.diff(tokens.offsets))
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(tokens.hashes * _powers(_FACTOR, count), out=sums[1:])
    windows = (sums[length:] - sums[:-length]) * _powers(_INVERSE, count - length + 1)
    windows ^= windows >> np.uint64(32)
    within = rows[: count - length + 1] == rows[length - 1 :]
    return windows[within] * np.uint64(_FACTOR) + np.uint64(length), rows[: count - length + 1][within]


def _powers(base: int, count: int) -> Words:
    """Return ``base ** 0 ... base ** (count - 1)`` modulo 2**64."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _look_up(hashes: Words, grams: Words) -> tuple[Ints, Bits]:
    place = np.minimum(np.searchsorted(grams, hashes), len(grams) - 1)
    return place, np.asarray(grams[place] == hashes)


def _summarize(rows: Ints, items: Ints32, possible: Ints, first: int, index: BenchmarkIndex) -> list[Contamination]:
    pairs, counts = np.unique(np.stack([rows, items]), axis=1, return_counts=True)
    best: dict[int, tuple[int, int]] = {}
    for row, item, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        if row not in best or count > best[row][1]:
            best[row] = (item, count)
    return [
        Contamination(
            first + row,
            index.names[index.benchmark_of[item]],
            int(index.item_of[item]),
            count,
            min(count / int(possible[row]), 1.0),
        )
        for row, (item, count) in best.items()
    ]


def count_rows(found: Iterable[Contamination]) -> dict[str, int]:
    """Return how many rows hold text of each benchmark."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one.benchmark] = counts.get(one.benchmark, 0) + 1
    return counts
