"""The section ``evaluation``: thresholds may be any finite number, and the moved key says where it went."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError


def test_thresholds_are_independent_of_the_switches(build: Any) -> None:
    evaluation = build(evaluation={"max_acceptable_loss": 2, "baseline_loss": "1e0"}).evaluation
    assert (evaluation.max_acceptable_loss, evaluation.baseline_loss, evaluation.auto_revert) == (2.0, 1.0, False)


def test_the_moved_key_names_its_new_place(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"staging_ttl_days.*moved to retention\.staging_ttl_days"):
        build(evaluation={"staging_ttl_days": 7})
