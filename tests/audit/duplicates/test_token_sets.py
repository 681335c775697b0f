"""Comparing the tokens of candidate rows."""

from __future__ import annotations

import numpy as np
import pytest
from duplicate_corpora import ENGINES, Reader, make_edited

from forgelm.audit.duplicates import token_sets
from forgelm.audit.duplicates.token_sets import TokenSets, compare_texts, sort_tokens
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.tokens import hash_token, tokenize
from forgelm.audit.rows.vectors import Tokens


@pytest.mark.parametrize("compiled", ENGINES)
def test_rows_are_alike_when_enough_of_their_words_agree(compiled: bool) -> None:
    reader = Reader(["a b c d e", "e d c b a a", "a b c d", "a b c", "", "x", "Σ ß"])
    sets = TokenSets(reader, load_engine(compiled=compiled), 0.8)
    pairs = [(0, 1), (0, 2), (0, 3), (2, 3), (5, 6), (6, 6)]
    assert sets.are_alike(np.array(pairs)).tolist() == [True, True, False, False, False, True]


@pytest.mark.parametrize("compiled", ENGINES)
def test_rows_are_read_once_while_they_are_remembered(compiled: bool) -> None:
    reader = Reader(make_edited(60, 1))
    sets = TokenSets(reader, load_engine(compiled=compiled), 0.8)
    sets.are_alike(np.array([(row, row + 1) for row in range(20)]))
    sets.are_alike(np.array([(row, row + 2) for row in range(20)]))
    assert reader.total == 22


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_sets, "_TOKENS_KEPT", 50)
    reader = Reader([" ".join(f"w{row}x{n}" for n in range(20)) for row in range(10)])
    sets = TokenSets(reader, load_engine(compiled=False), 0.8)
    for _ in range(2):
        assert not sets.are_alike(np.array([(row, row + 1) for row in range(9)])).any()
    assert reader.total > 10


@pytest.mark.parametrize("compiled", ENGINES)
def test_tokens_become_sorted_sets(compiled: bool) -> None:
    texts = make_edited(80, 4)
    tokens = load_engine(compiled=compiled).hash_tokens(TextBatch.from_texts(texts))
    sets = sort_tokens(tokens)
    for row, text in enumerate(texts):
        expected = sorted({hash_token(token) >> 12 for token in tokenize(text)})
        assert sets.hashes[sets.offsets[row] : sets.offsets[row + 1]].tolist() == expected


def test_as_many_rows_as_fit_are_told_apart() -> None:
    tokens = Tokens(np.full(4096, 2**64 - 1, np.uint64), np.arange(4097))
    sets = sort_tokens(tokens)
    assert sets.offsets.tolist() == list(range(4097))
    assert set(sets.hashes.tolist()) == {2**52 - 1}


@pytest.mark.parametrize("compiled", ENGINES)
def test_texts_of_two_batches_are_compared_row_by_row(compiled: bool) -> None:
    engine = load_engine(compiled=compiled)
    a = ["one two three four", "one two", "", "...", "a b c d e f g h i j"] * 1500
    b = ["Four three, two: one!", "one three", "", "!", "a b c d e f g h i x"] * 1500
    found = compare_texts(TextBatch.from_texts(a), TextBatch.from_texts(b), engine, 0.8)
    assert found.tolist() == [True, False, True, True, True] * 1500
    assert not compare_texts(TextBatch.from_texts(a), TextBatch.from_texts(b), engine, 0.9)[4]
