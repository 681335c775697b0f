"""What the tests of the audit's duplicate search share: corpora, one call for the whole search, both engines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from forgelm.audit.duplicates.candidates import NearSettings, find_candidates
from forgelm.audit.duplicates.search import Duplicates, find_duplicates
from forgelm.audit.rows.arrays import Ints, TextBatch
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.state import DedupMethod, RowSettings, measure_batch, merge_states

NEEDS_NUMBA = pytest.mark.skipif(not IS_AVAILABLE, reason="numba is not installed")
ENGINES = [False, pytest.param(True, marks=NEEDS_NUMBA)]


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
