from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.data.rows import Row
from forgelm.data.split import carve_validation, content_keys


def rows_of(texts: list[str]) -> list[Row]:
    return [Row({"text": text}, "d", number) for number, text in enumerate(texts, start=1)]


@pytest.mark.parametrize(
    ("rows", "held_out", "origin"),
    [
        (2, 1, "carved 10 % with seed 42"),
        (100, 10, "carved 10 % with seed 42"),
        (40_000, 2000, "carved 5 % with seed 42"),
        (300_000, 3000, "carved 1 % with seed 42"),
    ],
)
def test_the_usual_share(rows: int, held_out: int, origin: str) -> None:
    split = carve_validation(rows_of([str(number) for number in range(rows)]), seed=42)
    assert split.validation is not None
    assert (len(split.validation), len(split.train), split.origin) == (held_out, rows - held_out, origin)


def test_the_share_asked_for() -> None:
    split = carve_validation(rows_of([str(number) for number in range(200)]), seed=1, share=0.25)
    assert split.validation is not None
    assert (len(split.validation), split.origin) == (50, "carved 25 % with seed 1")


def test_the_seed_decides_and_order_stays() -> None:
    rows = rows_of([str(number) for number in range(100)])
    first, again, other = (carve_validation(rows, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert first.train == sorted(first.train, key=lambda row: row.number)


@pytest.mark.parametrize(("texts", "reason"), [([], "fewer than 2"), (["a"], "fewer than 2"), (["a"] * 9, "are equal")])
def test_nothing_is_held_out_when_it_cannot_be(texts: list[str], reason: str) -> None:
    split = carve_validation(rows_of(texts), seed=1)
    assert (len(split.train), split.validation) == (len(texts), None)
    assert split.origin.startswith("none: ")
    assert reason in split.origin


@settings(deadline=None, database=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60), st.integers(0, 2**32), st.floats(0.01, 0.99))
def test_equal_rows_are_never_on_both_sides(texts: list[str], seed: int, share: float) -> None:
    rows = rows_of(texts)
    split = carve_validation(rows, seed=seed, share=share)
    held_out = split.validation or []
    assert not set(content_keys(split.train)) & set(content_keys(held_out))
    assert sorted(row.number for row in [*split.train, *held_out]) == [row.number for row in rows]
    assert split.train
    assert (split.validation is None) == (len(set(texts)) == 1)


def test_keys_do_not_depend_on_the_order_of_columns() -> None:
    pair = [Row({"prompt": "a", "completion": "b"}, "x", 1), Row({"completion": "b", "prompt": "a"}, "y", 9)]
    assert len(set(content_keys(pair))) == 1
