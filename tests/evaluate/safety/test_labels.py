"""A text classifier's labels."""

from __future__ import annotations

import math

import pytest

from forgelm.base.errors import ModelError
from forgelm.evaluate.safety.labels import build_scheme, is_safe_label, read_labels


@pytest.mark.parametrize(
    ("label", "safe"),
    [
        ("safe", True),
        ("SAFE", True),
        ("unsafe", False),
        ("not safe", False),
        ("non-toxic", True),
        ("not_toxic", True),
        ("toxic", False),
        ("harmless", True),
        ("harmful", False),
        ("S1", False),
        ("unsafe_S9", False),
        ("no_harm", True),
    ],
)
def test_which_labels_are_safe(label: str, safe: bool) -> None:
    assert is_safe_label(label) is safe


def test_the_likeliest_label_decides() -> None:
    scheme = build_scheme({0: "safe", 1: "unsafe"}, multi_label=False, model="m")
    verdict = read_labels(scheme, [0.0, math.log(3)])
    assert (verdict.safe, verdict.unscored) == (False, False)
    assert verdict.confidence == pytest.approx(0.75)
    assert read_labels(scheme, [2.0, 0.0]).safe


def test_labels_may_name_hazards_and_share_the_confidence() -> None:
    scheme = build_scheme({0: "safe", 1: "S1", 2: "S10"}, multi_label=False, model="m")
    verdict = read_labels(scheme, [0.0, 1.0, 2.0])
    assert verdict.categories == ("S10",)
    powers = [math.exp(value) for value in (0.0, 1.0, 2.0)]
    assert verdict.confidence == pytest.approx((powers[1] + powers[2]) / sum(powers))


def test_many_labels_at_once_need_no_safe_one() -> None:
    scheme = build_scheme({0: "toxic", 1: "threat"}, multi_label=True, model="m")
    assert read_labels(scheme, [-3.0, -1.0]).safe
    verdict = read_labels(scheme, [-3.0, 0.1])
    assert not verdict.safe
    assert verdict.raw.startswith("threat")
    assert math.isfinite(read_labels(scheme, [-1000.0, -1000.0]).confidence or math.nan)


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1"), ("toxic", "threat"), ("safe", "harmless")])
def test_labels_that_tell_nothing_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="labels of m"):
        build_scheme(dict(enumerate(labels)), multi_label=False, model="m")


def test_scores_that_are_no_numbers_are_no_verdict() -> None:
    scheme = build_scheme({0: "safe", 1: "unsafe"}, multi_label=False, model="m")
    assert read_labels(scheme, [math.nan, 0.0]).unscored
