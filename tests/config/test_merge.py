from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError

TWO = [{"path": "a"}, {"path": "b", "weight": 2}]


def test_the_defaults_are_those_of_the_contract(build: Any) -> None:
    merge = build(merge={"enabled": True, "models": TWO}).merge
    assert (merge.method, merge.output_dir, merge.models[0].weight) == ("ties", "./merged_model", 1.0)
    assert (merge.ties_trim_fraction, merge.dare_drop_rate, merge.dare_seed) == (0.2, 0.3, 42)
    assert build(merge={}).merge.enabled is False


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        ({"enabled": True}, "at least two models, and 0 are listed"),
        ({"enabled": True, "models": TWO[:1]}, "at least two models, and 1 are listed"),
        ({"models": [{"path": "a", "weight": 0}, {"path": "b", "weight": 0}]}, "add up to 0"),
        ({"models": [{"path": "a", "weight": -1}]}, "must be at least 0"),
        ({"models": [{"weight": 1}]}, "path"),
        ({"models": ["a", "b"]}, "merge.models"),
        ({"method": "average"}, "ties"),
        ({"dare_drop_rate": 1.5}, "must be at most 1"),
        ({"ties_trim": 0.5}, "ties_trim_fraction"),
    ],
)
def test_what_cannot_be_meant_is_refused(build: Any, merge: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(merge=merge)
    assert message in str(caught.value.problems[0]) + str(caught.value)
