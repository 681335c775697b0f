"""The section ``retention``: the contract's horizons, 0 for ever, and three ways to hold a run to them."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.retention import Enforcement, RetentionConfig


def test_the_contracts_horizons_are_the_defaults() -> None:
    assert RetentionConfig().model_dump() == {
        "audit_log_retention_days": 1825,
        "staging_ttl_days": 7,
        "ephemeral_artefact_retention_days": 90,
        "raw_documents_retention_days": 90,
        "enforce": "log_only",
    }


@pytest.mark.parametrize("word", Enforcement)
def test_every_way_of_enforcing_can_be_written(build: Any, word: str) -> None:
    assert build(retention={"enforce": word}).retention.enforce == word


@pytest.mark.parametrize("change", [{"staging_ttl_days": -1}, {"enforce": "block"}, {"days": 3}])
def test_what_means_nothing_is_refused(build: Any, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        build(retention=change)
