"""What the tests of the audit's duplicate search share: corpora, one call for the whole search, both engines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest

from forgelm.audit.duplicates.candidates import NearSettings, find_candidates
from forgelm.audit.duplicates.search import Duplicates, find_duplicates
from forgelm.audit.rows.arrays import Ints, TextBatch
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.simhash import compute_simhash, hamming_distance
from forgelm.audit.rows.state import DedupMethod, RowSettings, measure_batch, merge_states
from forgelm.audit.rows.tokens import tokenize

NEEDS_NUMBA = pytest.mark.skipif(not IS_AVAILABLE, reason="numba is not installed")
ENGINES = [False, pytest.param(True, marks=NEEDS_NUMBA)]


SPLITS = ("train", "validation", "test")


@dataclass
class Reader:
    """Reads rows for verification, and remembers how many it was asked for at once."""

    rows: Sequence[str]
    most: int = 0
    total: int = 0

    def __call__(self, numbers: Ints) -> TextBatch:
        assert (np.diff(numbers) > 0).all()
        self.most = max(self.most, len(numbers))
        self.total += len(numbers)
        return TextBatch.from_texts([self.rows[number] for number in numbers])


def sketch(hashes: Sequence[int]) -> list[int]:
    """Return the two words that ``rows.sketch`` defines: a bit for every distinct token, and how many there are."""
    distinct = set(hashes)
    if len(distinct) > 1024:
        return [0, 0xFFFF << 48]
    bits = 0
    for value in distinct:
        bits ^= 1 << ((value % 2**32) * 112 >> 32)
    return [bits % 2**64, bits >> 64 | len(distinct) << 48]


def make_edited(rows: int, seed: int, words: int = 300) -> list[str]:
    """Texts of random words; half of them are earlier ones with some words changed, and some in another order."""
    chance = random.Random(seed)
    vocabulary = [f"{chance.choice(['wort', 'kelime', 'слово', 'w'])}{number}" for number in range(words)]
    texts: list[str] = []
    for _ in range(rows):
        if texts and chance.random() < 0.5:
            tokens = chance.choice(texts).split()
            for _ in range(chance.randrange(5)):
                if tokens:
                    tokens[chance.randrange(len(tokens))] = chance.choice(vocabulary)
            if chance.random() < 0.2:
                chance.shuffle(tokens)
            texts.append(" ".join(tokens))
        else:
            texts.append(" ".join(chance.choices(vocabulary, k=chance.choice([0, 1, 2, 3, 20, 60, 120]))))
    return [*texts, "...", "...", "!!!"]


def cut_in_splits(texts: list[str]) -> dict[str, list[str]]:
    edges = [0, len(texts) // 2, 3 * len(texts) // 4, len(texts)]
    return {split: texts[edges[n] : edges[n + 1]] for n, split in enumerate(SPLITS)}


class Reference:
    """All pairs, one by one."""

    def __init__(self, splits: dict[str, list[str]], hamming: int, jaccard: float) -> None:
        texts = [text for rows in splits.values() for text in rows]
        self.split = [split for split, rows in splits.items() for _ in rows]
        self.sets = [frozenset(tokenize(text)) for text in texts]
        self.candidates = dict.fromkeys(splits, 0)
        self.near = dict.fromkeys(splits, 0)
        self.first = list(range(len(texts)))
        self.reach: list[set[str]] = [set() for _ in texts]
        fingerprints = [compute_simhash(text) for text in texts]
        for a, b in combinations(range(len(texts)), 2):
            if self.sets[a] and self.sets[b] and hamming_distance(fingerprints[a], fingerprints[b]) <= hamming:
                self._add(a, b, jaccard)

    def _add(self, a: int, b: int, jaccard: float) -> None:
        alike = self.jaccard(a, b) >= jaccard
        if self.split[a] == self.split[b]:
            self.candidates[self.split[a]] += 1
            self.near[self.split[a]] += alike
        if alike:
            self.reach[a].add(self.split[b])
            self.reach[b].add(self.split[a])
            low, high = sorted((self.first[a], self.first[b]))
            self.first = [low if first == high else first for first in self.first]

    def jaccard(self, a: int, b: int) -> float:
        return len(self.sets[a] & self.sets[b]) / len(self.sets[a] | self.sets[b])

    def leaked(self) -> list[list[int]]:
        names = list(dict.fromkeys(self.split))
        return [
            [
                sum(b in reach for reach, split in zip(self.reach, self.split, strict=True) if split == a != b)
                for b in names
            ]
            for a in names
        ]


def find(
    splits: dict[str, list[str]],
    *,
    compiled: bool = IS_AVAILABLE,
    method: DedupMethod = "simhash",
    settings: NearSettings | None = None,
    verify: bool = True,
    reader: Reader | None = None,
) -> Duplicates:
    engine = load_engine(compiled=compiled)
    options = RowSettings(method=method, quality=False)
    parts = [measure_batch(TextBatch.from_texts(rows), split, 0, engine, options) for split, rows in splits.items()]
    rows, ranges = merge_states(parts).collect(splits)
    reader = reader or Reader([text for texts in splits.values() for text in texts])
    candidates = find_candidates(rows, ranges, settings or NearSettings(), engine)
    return find_duplicates(candidates, reader if verify else None)
