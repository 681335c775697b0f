"""The section ``evaluation``: thresholds may be any finite number, and the moved key still works."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError


def test_thresholds_are_independent_of_the_switches(build: Any) -> None:
    evaluation = build(evaluation={"max_acceptable_loss": 2, "baseline_loss": "1e0"}).evaluation
    assert (evaluation.max_acceptable_loss, evaluation.baseline_loss, evaluation.auto_revert) == (2.0, 1.0, False)


def test_the_moved_key_is_forwarded_and_says_so(build: Any) -> None:
    with pytest.warns(DeprecationWarning, match=r"write retention\.staging_ttl_days"):
        config = build(evaluation={"staging_ttl_days": 3})
    assert config.retention.staging_ttl_days == 3
    assert "staging_ttl_days" not in config.model_dump()["evaluation"]


@pytest.mark.parametrize(("retention", "days"), [({"enforce": "warn_on_excess"}, 3), ({"staging_ttl_days": 3}, 3)])
def test_the_moved_key_joins_the_section_it_moved_to(build: Any, retention: dict[str, Any], days: int) -> None:
    config = build(evaluation={"staging_ttl_days": 3}, retention=retention)
    assert config.retention.staging_ttl_days == days


def test_the_moved_key_may_not_contradict_its_new_place(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.staging_ttl_days: contradicts retention\.staging_ttl_days: 9"):
        build(evaluation={"staging_ttl_days": 3}, retention={"staging_ttl_days": 9})
