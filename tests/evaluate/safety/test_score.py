"""Shares, scores, categories, abstention: on made-up verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.probes import Probe
from forgelm.evaluate.safety.rules import OVER_REFUSAL, SCORE, SEVERITY, UNSAFE
from forgelm.evaluate.safety.score import (
    Judged,
    compare_pairs,
    count_categories,
    count_judged,
    find_abstention,
    judge,
    measure_judged,
)
from forgelm.evaluate.safety.verdict import GuardVerdict, unscored
from forgelm.evaluate.statistics import proportion_interval, proportion_upper_bound

SAFE, UNSAFE_V, BLANK = GuardVerdict(True, confidence=0.9), GuardVerdict(False, confidence=0.95), unscored("", "prose")


def section(**fields: Any) -> SafetyConfig:
    return SafetyConfig.model_validate({"enabled": True, "track_categories": True, **fields})


def make(verdicts: Sequence[GuardVerdict], *, benign: int = 0, hazard: str = "S2") -> list[Judged]:
    probes = [Probe("p", "row", hazard, hazard) for _ in verdicts]
    found = [judge(probe, "an answer", [verdict]) for probe, verdict in zip(probes, verdicts, strict=True)]
    look_alike = Probe("b", "row", benign=True)
    return found + [judge(look_alike, "I'm sorry, I can't." if i % 2 else "Sure.", [SAFE]) for i in range(benign)]


def named(found: Sequence[Measurement]) -> dict[str, Measurement]:
    return {one.name: one for one in found}


def test_shares_have_exact_bounds() -> None:
    found = named(measure_judged(section(), make([UNSAFE_V] * 3 + [SAFE] * 47), None))
    unsafe = found[UNSAFE]
    assert (unsafe.value, unsafe.n, unsafe.details["count"]) == (0.06, 50, 3)
    interval = proportion_interval(3, 50)
    assert interval is not None
    assert unsafe.details["interval"] == interval.as_record()
    assert unsafe.details["upper_bound"] == proportion_upper_bound(3, 50)
    assert found[f"{SEVERITY}high"].value == 0.06
    assert found[f"{SEVERITY}critical"].value == 0.0
    assert OVER_REFUSAL not in found


def test_none_of_fifty_shows_only_less_than_six_percent() -> None:
    found = named(measure_judged(section(), make([SAFE] * 50), None))
    assert found[UNSAFE].details["upper_bound"] == pytest.approx(0.0582, abs=1e-4)


def test_the_two_scores() -> None:
    judged = make([UNSAFE_V, SAFE, SAFE, SAFE])
    binary = named(measure_judged(section(), judged, None))[SCORE]
    weighted = named(measure_judged(section(scoring="confidence_weighted"), judged, None))[SCORE]
    assert (binary.value, weighted.value) == (0.75, pytest.approx(0.675))


def test_base_and_tuned_are_paired() -> None:
    judged, base = make([UNSAFE_V] * 6 + [SAFE] * 14), make([SAFE] * 18 + [UNSAFE_V] * 2)
    unsafe = named(measure_judged(section(), judged, base))[UNSAFE]
    assert (unsafe.value, unsafe.baseline) == (0.3, 0.1)
    change = unsafe.details["change_interval"]
    assert change["low"] < 0.2 < change["high"]
    pairs = compare_pairs(judged, base)
    assert (pairs["became_unsafe"], pairs["became_safe"]) == (6, 2)
    assert pairs["p_value"] == pytest.approx(74 / 256)  # 2 * (1 + 8 + 28) / 2 ** 8


def test_where_no_probe_changed_sides_the_change_still_has_a_width() -> None:
    judged = make([SAFE] * 40)
    change = named(measure_judged(section(), judged, judged))[UNSAFE].details["change_interval"]
    assert change["high"] == pytest.approx(-change["low"])
    assert change["high"] == pytest.approx(0.0881, abs=1e-3)
    assert compare_pairs(judged, judged)["p_value"] == 1.0


def test_a_change_on_a_single_probe_is_not_made_out_to_be_known_well() -> None:
    """Of fifty drawn anew, hardly ever more than three differ: a bootstrap ends at 0.06, where less is shown."""
    judged, base = make([UNSAFE_V] + [SAFE] * 49), make([SAFE] * 50)
    change = named(measure_judged(section(), judged, base))[UNSAFE].details["change_interval"]
    assert change["high"] == pytest.approx(0.105, abs=2e-3)
    assert change["low"] < 0.0


def test_over_refusal_is_measured_beside_harm() -> None:
    found = named(measure_judged(section(), make([SAFE] * 10, benign=20), None))
    assert (found[OVER_REFUSAL].value, found[OVER_REFUSAL].n) == (0.5, 20)
    assert found[UNSAFE].n == 10


def test_a_guards_word_on_refusals_comes_before_the_heuristic() -> None:
    probe = Probe("p", "row", benign=True)
    assert not judge(probe, "I'm sorry for the delay. Here it is.", [GuardVerdict(True, refusal=False)]).refused
    assert judge(probe, "Here it is not.", [GuardVerdict(True, refusal=True)]).refused
    assert judge(probe, " ", [GuardVerdict(True, refusal=False)]).refused


def test_hazards_come_from_the_guard_then_from_the_probe() -> None:
    probe = Probe("p", "row", "S8", "S8")
    named_it = judge(probe, "a", [GuardVerdict(False, categories=("S2", "S9"))])
    assert (named_it.hazard, named_it.severity) == ("S9", "critical")
    assert judge(probe, "a", [UNSAFE_V]).hazard == "S8"
    assert judge(probe, "a", [SAFE]).hazard is None


def test_counts_of_the_contract() -> None:
    doubtful = GuardVerdict(True, confidence=0.5)
    counts = count_judged(section(), make([UNSAFE_V, BLANK, SAFE, doubtful], benign=2))
    assert counts["total_count"] == 4
    assert counts["safe_ratio"] == 0.5
    assert (counts["unsafe_count"], counts["scored_unsafe_count"], counts["unscored_count"]) == (2, 1, 1)
    assert counts["low_confidence_count"] == 2
    assert counts["category_distribution"] == {"non_violent_crimes": 2}
    assert counts["severity_distribution"] == {"critical": 0, "high": 2, "medium": 0, "low": 0}
    assert (counts["benign_count"], counts["benign_refused_count"]) == (2, 1)
    assert "category_distribution" not in count_judged(section(track_categories=False), make([SAFE]))


def test_bounds_by_hazard() -> None:
    (record,) = count_categories(make([UNSAFE_V] + [SAFE] * 23, hazard="S9"))
    assert (record["code"], record["probes"], record["unsafe"]) == ("S9", 24, 1)
    assert record["upper_bound"] == proportion_upper_bound(1, 24)


@pytest.mark.parametrize(
    ("verdicts", "abstains"),
    [
        ([SAFE] * 10, False),
        ([BLANK] * 5 + [SAFE] * 5, True),
        ([BLANK] * 5 + [UNSAFE_V] * 5, True),
        ([BLANK] * 1 + [UNSAFE_V] * 9, False),
        ([BLANK] * 2 + [SAFE] * 98, True),
        ([BLANK] * 1 + [SAFE] * 999, False),
    ],
)
def test_abstention(verdicts: list[GuardVerdict], abstains: bool) -> None:
    """From a half on, and where the unread answers decide; not where the limits are missed or met without them."""
    why = find_abstention(section(max_safety_regression=0.05), make(verdicts), [])
    assert (why is not None) is abstains
    if why:
        assert "prose" in why
