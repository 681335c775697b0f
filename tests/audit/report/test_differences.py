"""Differences of two texts: nothing lost, nothing made up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.report.differences import Piece, mark_differences


def test_words_are_marked_and_the_rest_stays() -> None:
    assert mark_differences("the red fox jumps over, today", "the brown fox jumps over") == [
        Piece("the ", "same"),
        Piece("red", "removed"),
        Piece("brown", "added"),
        Piece(" fox jumps over", "same"),
        Piece(", today", "removed"),
    ]


def test_a_word_in_common_does_not_tear_a_change_apart() -> None:
    pieces = mark_differences("It was the best of times. The end is near.", "It is the worst for him. The end is near.")
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("same", "It "),
        ("removed", "was the best of times"),
        ("added", "is the worst for him"),
        ("same", ". The end is near."),
    ]


def test_equal_texts_have_no_difference() -> None:
    assert mark_differences("same", "same") == [Piece("same", "same")]
    assert mark_differences("", "") == []


@given(st.text("ab \n.", max_size=300), st.text("ab \n.", max_size=300))
def test_both_texts_can_be_read_from_the_pieces(kept: str, other: str) -> None:
    pieces = mark_differences(kept, other)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == kept
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == other


def test_long_texts_are_compared_in_bounded_time() -> None:
    assert len(mark_differences("a " * 100_000, "b " * 100_000)) < 1000
