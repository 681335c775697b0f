"""The numpy pass at the places where it differs from a loop: parts of a batch, long tokens, empty rows."""

from __future__ import annotations

import numpy as np
import pytest

from forgelm.audit.rows import vectors
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.tokens import hash_token, tokenize
from forgelm.audit.rows.vectors import count_characters, digest_rows, hash_rows, hash_tokens, split_rows

NOTHING = np.zeros(0, np.uint32)
TEXTS = ["", "a b", "...", "c " * 500, "", "Ünï çödé", "x" * 300 + " " + "y" * 257, ""]


def test_parts_hold_whole_rows_and_all_of_them() -> None:
    offsets = np.array([0, 0, 3, 3, 20, 21, 22, 22])
    parts = split_rows(offsets, 5)
    assert parts == [(0, 3), (3, 4), (4, 7)]
    assert split_rows(np.array([0]), 5) == []


def test_the_size_of_a_part_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = TextBatch.from_texts(TEXTS)
    functions = np.array([3, 5], np.uint32), np.array([7, 9], np.uint32)
    whole = hash_rows(batch, *functions)
    monkeypatch.setattr(vectors, "_PART_BYTES", 64)
    parts = hash_rows(batch, *functions)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


@pytest.mark.parametrize("texts", [TEXTS, [text for text in TEXTS if text.isascii()]])
def test_tokens_of_every_length(texts: list[str]) -> None:
    tokens = hash_tokens(TextBatch.from_texts(texts))
    for row, text in enumerate(texts):
        assert tokens.hashes[tokens.offsets[row] : tokens.offsets[row + 1]].tolist() == [
            hash_token(token) for token in tokenize(text)
        ]


def test_characters_are_counted() -> None:
    assert count_characters(TextBatch.from_texts(TEXTS)).tolist() == [len(text) for text in TEXTS]


def test_empty_rows_have_no_digest() -> None:
    assert (digest_rows(TextBatch.from_texts(TEXTS)) == 0).tolist() == [text == "" for text in TEXTS]
    assert hash_rows(TextBatch.from_texts(["", ""]), NOTHING, NOTHING).simhash.tolist() == [0, 0]
