"""A ``rope_scaling`` mapping is complete for its type, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.config.rope import check_rope_scaling

LISTS = {"short_factor": [1.0, 2], "long_factor": [1, 4]}


@pytest.mark.parametrize(
    "mapping",
    [
        {"type": "linear", "factor": 2},
        {"rope_type": "dynamic", "factor": 4.0},
        {"type": "nonsense", "rope_type": "yarn", "factor": 8.0, "beta_fast": 32},
        {"rope_type": "longrope", **LISTS},
        {"rope_type": "longrope", **LISTS, "factor": 4},
    ],
)
def test_complete_mapping_is_kept_as_it_is(mapping: dict[str, Any]) -> None:
    assert check_rope_scaling(mapping) == mapping


def test_factor_written_as_text_becomes_a_number() -> None:
    assert check_rope_scaling({"type": "linear", "factor": "2e0"}) == {"type": "linear", "factor": 2}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "rope_type"),
        ({"factor": 2}, "rope_type"),
        ({"type": "su", "factor": 2}, "rope_type"),
        ({"type": ["linear"], "factor": 2}, "rope_type"),
        ({"type": "linear"}, "factor"),
        ({"type": "linear", "factor": 0}, "factor"),
        ({"type": "yarn", "factor": True}, "factor"),
        ({"type": "dynamic", "factor": "x"}, "factor"),
        ({"type": "dynamic", "factor": float("nan")}, "factor"),
        ({"type": "longrope", **LISTS, "factor": -1}, "factor"),
        ({"type": "longrope", "long_factor": [1]}, "short_factor"),
        ({"type": "longrope", "short_factor": [1], "long_factor": []}, "long_factor"),
        ({"type": "longrope", "short_factor": [1, "x"], "long_factor": [1]}, "short_factor"),
        ({"type": "longrope", "short_factor": [True], "long_factor": [1]}, "short_factor"),
    ],
)
def test_incomplete_mapping_says_what_is_missing(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_rope_scaling(mapping)
