"""Engines point at every row that holds something, at few others, and share nothing between threads."""

from __future__ import annotations

import importlib.util

import pyarrow as pa
import pytest

from forgelm.audit.matching.engines import ENGINES, FOLD, build_engine
from forgelm.audit.matching.family import Family

FAMILIES = (
    Family("card", "[0-9]{16}", "low", "pii", digits=16),
    Family("word", "needle", "low", "secret"),
    Family("same", "[0-9]{12}", "low", "pii", digits=12),
)
INSTALLED = [name for name in ENGINES if name == "arrow" or importlib.util.find_spec("hyperscan")]


@pytest.mark.parametrize("name", INSTALLED)
def test_the_rows_and_families_that_may_hold_something(name: str) -> None:
    engine = build_engine(name, FAMILIES)  # type: ignore[arg-type]
    texts = pa.array(["a needle", "", None, "1234567890123456", "plain", "٣ digits", "12345", "678"], pa.large_string())
    assert engine.candidates(texts) == {0: {1}, 3: {0, 2}, 5: {FOLD}} or name == "hyperscan"
    assert {0: {1}, 3: {0, 2}, 5: {FOLD}}.items() <= engine.candidates(texts).items()


@pytest.mark.parametrize("name", INSTALLED)
def test_a_slice_counts_its_own_rows(name: str) -> None:
    engine = build_engine(name, FAMILIES)  # type: ignore[arg-type]
    texts = pa.array(["needle", "x", "needle", "y"], pa.large_string())
    assert engine.candidates(texts[1:]) == {1: {1}}
    assert engine.candidates(texts[3:]) == {}
    assert engine.candidates(texts[:0]) == {}


def test_hyperscan_may_point_at_the_row_after_a_border_and_never_misses_one() -> None:
    pytest.importorskip("hyperscan")
    engine = build_engine("hyperscan", FAMILIES)
    texts = pa.array(["nee", "dle", "12345678", "90123456"], pa.large_string())
    assert set(engine.candidates(texts)) <= {1, 3, 2}
