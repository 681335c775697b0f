"""The compiled quality flags at the places where lines, blocks and words end."""

from __future__ import annotations

import pytest
from duplicate_corpora import NEEDS_NUMBA
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.quality import judge_text

LINES = [
    "good words stand in this line.",
    "this one stops",
    "ab",
    "",
    " ",
    "don't",
    "日本。",
    "12 34",
    "end”",
    "'tis o'clock",
]
BREAKS = ["\n", "\r\n", "\r", "\n\n", "\u2028", "\x85", " \n", "\x1d"]


def _check(rows: list[str]) -> None:
    flags = load_engine(compiled=True).judge_rows(TextBatch.from_texts(rows))
    assert flags.tolist() == [int(judge_text(text)) for text in rows]


@NEEDS_NUMBA
@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(BREAKS)), max_size=14), st.integers(0, 9))
@settings(max_examples=400, deadline=None)
def test_flags_are_those_of_the_definition(lines: list[tuple[str, str]], shift: int) -> None:
    text = "".join(part for line in lines for part in line)
    _check(["x" * shift, text, text.rstrip()])


@NEEDS_NUMBA
@pytest.mark.parametrize("size", range(56, 74))
def test_flags_hold_at_the_edges_of_blocks(size: int) -> None:
    fill = "w" * size
    _check(
        [f"{fill}{tail}" for tail in ("", "'s", "''s a", " b", "\nb", "\r\nb.", "é", " é", "\u2028é.", "'", "\u3000")]
    )


@NEEDS_NUMBA
def test_repetitions_are_counted_among_many_lines() -> None:
    for repeated in (290, 299, 300, 301, 310):
        lines = [f"line number {number} here." for number in range(1000 - repeated)] + ["same line again."] * repeated
        _check(["\n".join(lines)])
