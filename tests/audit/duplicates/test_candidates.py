"""Pairs that may be near duplicates; ``test_search`` holds what comes of them against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from duplicate_corpora import ENGINES, Reader, make_edited

from forgelm.audit.duplicates import candidates as module
from forgelm.audit.duplicates.candidates import Candidates, NearSettings, find_candidates
from forgelm.audit.duplicates.search import find_duplicates
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.state import RowSettings, measure_batch

TEXTS = [*make_edited(400, 3), *(" ".join(["the"] * 200 + [f"x{row}{part}" for part in range(5)]) for row in range(40))]


def _find(*, compiled: bool = IS_AVAILABLE, hamming: int = 6) -> Candidates:
    engine = load_engine(compiled=compiled)
    state = measure_batch(TextBatch.from_texts(TEXTS), "train", 0, engine, RowSettings(quality=False))
    rows, ranges = state.collect(["train"])
    return find_candidates(rows, ranges, NearSettings(hamming=hamming), engine)


def _list(candidates: Candidates) -> set[tuple[int, ...]]:
    return {tuple(sorted(pair)) for block in candidates.iterate_pairs() for pair in block.tolist()}


@pytest.mark.parametrize("compiled", ENGINES)
def test_only_texts_that_may_be_alike_are_read(compiled: bool) -> None:
    candidates = _find(compiled=compiled)
    every = sum(len(block) for block in candidates.search_again())
    assert 0 < len(_list(candidates)) < every
    reader = Reader(TEXTS)
    found = find_duplicates(candidates, reader)
    assert reader.total <= np.count_nonzero(candidates.wanted)
    assert found.candidate_pairs["train"] >= every > found.near_pairs["train"] > 50
    assert candidates.wanted[found.exact_first[found.exact_first != np.arange(len(TEXTS))]].all()


def test_pairs_that_are_too_many_to_keep_are_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = _find()
    monkeypatch.setattr(module, "_PAIRS_KEPT", 10)
    monkeypatch.setattr(module, "_ROWS_PER_PAIR", 1000)
    again = _find()
    assert kept.pairs is not None and again.pairs is None
    assert _list(again) == _list(kept)
    assert again.wanted.tolist() == kept.wanted.tolist()
    assert find_duplicates(again, Reader(TEXTS)).near_pairs == find_duplicates(kept, Reader(TEXTS)).near_pairs
