"""Evaluation rows that are training rows too: equal text, nearly equal text, or long runs of the same words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forgelm.audit.duplicates.contamination import hash_ngrams
from forgelm.audit.duplicates.token_sets import compare_texts
from forgelm.audit.rows.arrays import Ints, TextBatch, Words, np
from forgelm.audit.rows.engine import RowEngine, load_engine
from forgelm.evaluate.memorisation.measure import Found

_BATCH = 4096
_HAMMING = 3
_JACCARD = 0.8
_LEAST_SHARE = 0.5
_LEAST_TOKENS = 5
_MOST_OWNERS = 64


def find_overlap(items: Sequence[str], training: Sequence[str], *, ngram: int) -> list[Found]:
    """Return the ``items`` that are in ``training``, each once, by the closest way it is.

    Exact is equal text. Near is a SimHash within 3 bits of the item's and four fifths of the distinct tokens. By
    n-gram, at least half of the item's runs of ``ngram`` tokens stand in one training text.
    """
    if not items or not training:
        return []
    engine = load_engine()
    found: dict[int, Found] = {}
    for one in (*_find_ngrams(items, training, ngram, engine), *_find_near(items, training, engine)):
        found[one.item] = one
    places = {text: place for place, text in reversed(list(enumerate(training)))}
    for item, text in enumerate(items):
        if text in places:
            found[item] = Found(item, places[text], "exact", 1.0)
    return [found[item] for item in sorted(found)]


def _find_ngrams(items: Sequence[str], training: Sequence[str], ngram: int, engine: RowEngine) -> Iterator[Found]:
    tokens = engine.hash_tokens(TextBatch.from_texts(items))
    sizes = np.diff(tokens.offsets)
    best: dict[int, Found] = {}
    for length in sorted({min(int(size), ngram) for size in sizes if size >= _LEAST_TOKENS}):
        hashes, owners = hash_ngrams(tokens, length)
        mine = (np.minimum(sizes, ngram) == length)[owners]
        known = _Grams.of(hashes[mine], owners[mine])
        for first in range(0, len(training), _BATCH):
            batch = engine.hash_tokens(TextBatch.from_texts(training[first : first + _BATCH]))
            for item, row, share in known.count(*hash_ngrams(batch, length)):
                if share >= _LEAST_SHARE and (item not in best or share > best[item].share):
                    best[item] = Found(item, first + row, "ngram", share)
    yield from best.values()


@dataclass(frozen=True)
class _Grams:
    """The n-grams of all items, sorted; those that many items have tell none of them."""

    hashes: Words
    owners: Ints
    totals: Ints

    @classmethod
    def of(cls, hashes: Words, owners: Ints) -> _Grams:
        pairs = np.unique(np.stack([hashes, owners.astype(np.uint64)]), axis=1)
        totals = np.bincount(pairs[1].astype(np.int64))
        _, places, counts = np.unique(pairs[0], return_inverse=True, return_counts=True)
        rare = counts[places] <= _MOST_OWNERS
        return cls(pairs[0][rare], pairs[1][rare].astype(np.int64), totals)

    def count(self, hashes: Words, rows: Ints) -> Iterator[tuple[int, int, float]]:
        """Yield each item and row with n-grams in common, and the share of the item's that are."""
        theirs = np.unique(np.stack([hashes, rows.astype(np.uint64)]), axis=1)
        begins = np.searchsorted(self.hashes, theirs[0], "left")
        counts = np.searchsorted(self.hashes, theirs[0], "right") - begins
        total = int(counts.sum())
        if not total:
            return
        offsets = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = self.owners[np.repeat(begins, counts) + offsets]
        pairs, shared = np.unique(
            np.stack([owners, np.repeat(theirs[1].astype(np.int64), counts)]), axis=1, return_counts=True
        )
        for item, row, number in zip(*pairs.tolist(), shared.tolist(), strict=True):
            yield item, row, number / int(self.totals[item])


def _find_near(items: Sequence[str], training: Sequence[str], engine: RowEngine) -> Iterator[Found]:
    ours = engine.hash_rows(TextBatch.from_texts(items))
    waiting = {item for item in range(len(items)) if ours.tokens[item] >= _LEAST_TOKENS}
    for first in range(0, len(training), _BATCH):
        batch = TextBatch.from_texts(training[first : first + _BATCH])
        theirs = engine.hash_rows(batch)
        for item in sorted(waiting):
            close = np.flatnonzero(np.bitwise_count(theirs.simhash ^ ours.simhash[item]) <= _HAMMING)
            if not len(close):
                continue
            alike = compare_texts(
                TextBatch.from_texts([items[item]] * len(close)),
                TextBatch.from_texts([batch[int(row)] for row in close]),
                engine,
                _JACCARD,
            )
            if alike.any():
                waiting.discard(item)
                yield Found(item, first + int(close[int(alike.argmax())]), "near", _JACCARD)
