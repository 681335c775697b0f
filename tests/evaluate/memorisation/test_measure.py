"""Memories and overlaps into numbers with their intervals; what was not asked has no number."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forgelm.config.memorisation import MemorisationConfig
from forgelm.data.canaries import build_canaries
from forgelm.evaluate.memorisation.measure import (
    Compared,
    Found,
    mean_unseen_exposure,
    measure_canaries,
    measure_overlap,
)
from forgelm.evaluate.memorisation.probe import Memories, Remembered

CONFIG = MemorisationConfig(enabled=True, canaries=6, references=15)


def memories(*ranks: int) -> Memories:
    canaries = build_canaries(len(ranks), seed=1)
    return Memories(
        tuple(
            Remembered(canary, rank, 4 - math.log2(rank), "reply", rank == 1)
            for canary, rank in zip(canaries, ranks, strict=True)
        ),
        seconds=1.5,
    )


def test_rates_and_bits_stand_beside_the_base_models_with_intervals() -> None:
    rate, bits = measure_canaries(CONFIG, memories(1, 1, 1, 2, 4, 16), memories(8, 8, 16, 4, 8, 16))
    assert (rate.value, rate.baseline, rate.n) == (0.5, 0.0, 6)
    assert rate.details["upper_bound"] == pytest.approx(0.8468, abs=1e-4)
    assert rate.details["change_interval"]["low"] < 0.5 < rate.details["change_interval"]["high"]
    assert bits.value == pytest.approx((4 + 4 + 4 + 3 + 2 + 0) / 6) and bits.baseline is not None
    assert bits.details["at_most"] == 4.0
    assert bits.details["interval"]["low"] < bits.value < bits.details["interval"]["high"]
    rows = rate.files["memorisation/canaries.jsonl"]
    assert [row["rank"] for row in rows] == [1, 1, 1, 2, 4, 16]
    assert rows[0]["base_rank"] == 8 and rows[0]["code"] and rows[0]["extracted"] and not rows[0]["base_extracted"]


def test_a_model_that_was_not_asked_has_no_number_and_says_why() -> None:
    rate, bits = measure_canaries(CONFIG, Memories(problem="out of memory"), memories(1))
    assert (rate.value, bits.value) == (None, None) and rate.problem == bits.problem == "out of memory"
    assert measure_canaries(CONFIG, Memories(), Memories())[0].problem == "no canary was planted"
    alone, _ = measure_canaries(CONFIG, memories(2, 3), Memories(problem="gone"))
    assert alone.baseline is None and alone.details["skipped"] == {"base": "gone"}


def test_the_mean_of_an_unseen_canary_nears_that_of_the_formula() -> None:
    assert mean_unseen_exposure(1) == pytest.approx(0.5)
    assert mean_unseen_exposure(65_535) == pytest.approx(1 / math.log(2), abs=1e-3)


def test_overlap_is_a_share_of_all_items_and_names_both_places() -> None:
    sets = [
        Compared("validation", ("v:1", "v:2", "v:3"), (Found(1, 0, "exact", 1.0),)),
        Compared("benchmark/a", ("question 0",), (Found(0, 1, "ngram", 0.75),)),
    ]
    found = measure_overlap(sets, ["t:1", "t:2"])
    assert (found.value, found.n) == (0.5, 4)
    assert found.details["sets"]["validation"] == {"items": 3, "exact": 1, "near": 0, "ngram": 0}
    assert found.files["memorisation/overlap.jsonl"] == [
        {"set": "validation", "item": "v:2", "training_row": "t:1", "how": "exact", "share": 1.0},
        {"set": "benchmark/a", "item": "question 0", "training_row": "t:2", "how": "ngram", "share": 0.75},
    ]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([], "no validation rows"),
        (
            [Compared("validation", ("v:1",)), Compared("benchmark", problem="OSError: gone")],
            "benchmark: OSError: gone",
        ),
    ],
)
def test_sets_that_cannot_be_compared_leave_no_number(sets: Any, said: str) -> None:
    found = measure_overlap(sets, [])
    assert found.value is None and found.problem is not None and said in found.problem
