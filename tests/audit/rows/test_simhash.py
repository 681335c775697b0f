"""SimHash of one text, against its definition bit by bit."""

from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.rows.simhash import compute_simhash, hamming_distance
from forgelm.audit.rows.tokens import hash_token, tokenize

SENTENCE = "The quick brown fox jumps over the lazy dog. The dog sleeps."


@given(st.text(max_size=200))
def test_a_bit_is_set_when_more_tokens_vote_for_it_than_against(text: str) -> None:
    votes = [hash_token(token) for token in tokenize(text)]
    scores = [sum(1 if vote >> bit & 1 else -1 for vote in votes) for bit in range(64)]
    assert compute_simhash(text) == sum(1 << bit for bit, score in enumerate(scores) if score > 0)


def test_a_text_without_a_word_has_none() -> None:
    assert compute_simhash("") == compute_simhash(" ...!\n") == 0


def test_order_and_case_do_not_matter() -> None:
    assert compute_simhash("Red green BLUE red") == compute_simhash("blue red RED green")


def test_one_changed_word_changes_few_bits() -> None:
    words = [f"word{number}" for number in range(200)]
    changed = [*words[:100], "other", *words[101:]]
    assert hamming_distance(compute_simhash(" ".join(words)), compute_simhash(" ".join(changed))) <= 8


def test_distance_counts_differing_bits() -> None:
    assert hamming_distance(0b1011, 0b0010) == 2


def test_the_value_does_not_depend_on_the_process() -> None:
    code = f"from forgelm.audit.rows.simhash import compute_simhash; print(compute_simhash({SENTENCE!r}))"
    values = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert values == {f"{compute_simhash(SENTENCE)}\n"}
