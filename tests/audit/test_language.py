"""The language sample and what follows from it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from forgelm.audit.language import (
    LanguageSample,
    identify_texts,
    summarize_languages,
)
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.tokens import scramble

ROWS = [
    f"row {number} " + ("das ist ein deutscher Satz" if number % 4 == 0 else "this is english") for number in range(900)
]


def _identify(texts: Sequence[str]) -> list[tuple[str, float]]:
    return [("de", 0.9) if "das" in text else ("en", 0.8) for text in texts]


def _sample(size: int | None, seed: int) -> LanguageSample:
    chance = random.Random(seed)
    edges = sorted({0, len(ROWS), *(chance.randrange(len(ROWS)) for _ in range(chance.randrange(6)))})
    parts = [LanguageSample(size).add(TextBatch.from_texts(ROWS[begin:end]), begin) for begin, end in pairwise(edges)]
    chance.shuffle(parts)
    merged = LanguageSample(size)
    for part in parts:
        merged = part.merge(merged)
    return merged


@pytest.mark.parametrize("size", [1, 100, 900, 2000, None])
def test_the_sample_does_not_depend_on_how_rows_were_divided(size: int | None) -> None:
    samples = [_sample(size, seed) for seed in range(6)]
    assert all(sample == samples[0] for sample in samples)
    expected = sorted(range(len(ROWS)), key=scramble)[:size]
    assert [row.row for row in samples[0].chosen] == expected
    assert all(row.text == ROWS[row.row] for row in samples[0].chosen)


def test_adding_to_a_full_sample_is_the_same_as_adding_at_once() -> None:
    sample = LanguageSample(50)
    for begin in range(0, 900, 90):
        sample = sample.add(TextBatch.from_texts(ROWS[begin : begin + 90]), begin)
    assert sample == _sample(50, 0)


def test_shares_come_with_an_interval_that_holds_the_truth() -> None:
    summary = summarize_languages(_sample(200, 0), _identify)
    assert (summary.sampled, summary.rows) == (200, 900)
    english, german = summary.languages
    assert (english.code, german.code) == ("en", "de")
    assert german.low < 0.25 < german.high and german.high - german.low < 0.12
    assert german.mean_confidence == pytest.approx(0.9)
    assert summary.top3 == [{"code": "en", "count": english.count}, {"code": "de", "count": german.count}]


def test_all_rows_leave_no_doubt() -> None:
    german = summarize_languages(_sample(None, 0), _identify).languages[1]
    assert german.share == german.low == german.high == 0.25


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance, held = np.random.default_rng(0), 0
    for _ in range(200):
        rows = ["das ist ein deutscher Satz" if one else "this is all english" for one in chance.random(600) < 0.1]
        truth = sum("das" in row for row in rows) / len(rows)
        order = chance.permutation(600)[:150]
        sample = LanguageSample(
            150, 600, LanguageSample(None).add(TextBatch.from_texts([rows[n] for n in order]), 0).chosen
        )
        german = next(one for one in summarize_languages(sample, _identify).languages if one.code == "de")
        held += german.low <= truth <= german.high
    assert held >= 180


def test_short_texts_have_an_unknown_language() -> None:
    texts = ["too short         ", "this is just long enough", "", "das ist lang genug dafür"]
    expected = [("unknown", 0.0), ("en", 0.8), ("unknown", 0.0), ("de", 0.9)]
    assert identify_texts(texts, _identify) == expected
    assert identify_texts([], _identify) == []


def test_without_the_extra_languages_are_unknown_and_it_is_said() -> None:
    summary = summarize_languages(_sample(20, 0), None)
    assert summary.top3 == [{"code": "unknown", "count": 20}]
    assert summary.note is not None and "forgelm[language]" in summary.note


def test_no_rows() -> None:
    assert summarize_languages(LanguageSample(), _identify).languages == ()
