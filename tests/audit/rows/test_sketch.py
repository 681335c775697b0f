"""The bound that sketches give on the tokens of two rows."""

from __future__ import annotations

import random

import numpy as np
from duplicate_corpora import make_edited, sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.sketch import MOST_TOKENS, mark_possible, sketch_rows
from forgelm.audit.rows.tokens import hash_token, tokenize

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 50), max_size=60)


@given(st.lists(HASHES, max_size=5))
@settings(deadline=None)
def test_every_distinct_token_flips_a_bit(rows: list[list[int]]) -> None:
    hashes = np.array([value for row in rows for value in row], np.uint64)
    assert sketch_rows(hashes, np.array([len(row) for row in rows], np.int64)).tolist() == [sketch(row) for row in rows]


@given(HASHES, HASHES, HASHES, st.floats(0.01, 1))
@settings(max_examples=300, deadline=None)
def test_no_pair_that_shares_enough_is_ruled_out(both: list[int], a: list[int], b: list[int], least: float) -> None:
    sketches = np.array([sketch([*both, *a]), sketch([*both, *b])], np.uint64)
    first, second = {*both, *a}, {*both, *b}
    shared = len(first & second)
    is_alike = shared >= least * (len(first) + len(second) - shared)
    assert mark_possible(sketches, np.array([[0, 1]]), least)[0] >= is_alike


def test_most_rows_with_other_words_are_ruled_out() -> None:
    chance = random.Random(4)
    texts = [" ".join(f"w{chance.randrange(5000)}" for _ in range(200)) for _ in range(200)]
    sketches = load_engine(compiled=False).hash_rows(TextBatch.from_texts(texts)).sketches
    pairs = np.array([(a, b) for a in range(200) for b in range(a)])
    assert mark_possible(sketches, pairs, 0.8).mean() < 0.05


def test_rows_with_too_many_tokens_are_never_ruled_out() -> None:
    texts = [" ".join(f"w{n}" for n in range(first, first + size)) for first, size in ((0, 1025), (2000, 1025), (0, 3))]
    sketches = load_engine(compiled=False).hash_rows(TextBatch.from_texts(texts)).sketches
    assert mark_possible(sketches, np.array([[0, 1], [0, 2], [1, 1]]), 0.8).all()
    fits = [hash_token(token) for token in tokenize(" ".join(f"w{n}" for n in range(MOST_TOKENS)))]
    assert sketch(fits)[1] >> 48 == MOST_TOKENS


def test_corpora_keep_all_pairs_that_are_alike() -> None:
    texts = make_edited(300, 8)
    sketches = load_engine(compiled=False).hash_rows(TextBatch.from_texts(texts)).sketches
    sets = [set(tokenize(text)) for text in texts]
    pairs = np.array([(a, b) for a in range(len(texts)) for b in range(a)])
    possible = mark_possible(sketches, pairs, 0.6)
    alike = [len(sets[a] & sets[b]) >= 0.6 * len(sets[a] | sets[b]) for a, b in pairs.tolist()]
    assert sum(alike) > 100 and possible[alike].all() and not possible.all()
