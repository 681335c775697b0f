"""What the contract has and this version doesn't is refused by name, never as a typo, and never accepted."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.reserved import RESERVED, reserved_message


@pytest.mark.parametrize("path", RESERVED)
def test_reserved_key_or_value_is_refused_by_name(build: Any, path: str) -> None:
    keys, _, value = path.partition("=")
    nested: Any = value or {}
    for key in reversed(keys.split(".")):
        nested = {key: nested}
    with pytest.raises(ConfigError) as caught:
        build(**nested)
    assert len(caught.value.problems) == 1
    problem = caught.value.problems[0]
    assert problem.path == keys
    assert "is part of the ForgeLM configuration but not available in this version" in problem.message
    assert "unknown" not in str(caught.value)


def test_a_reserved_value_stands_beside_those_that_work(build: Any) -> None:
    with pytest.raises(ConfigError, match="available: transformers"):
        build(model={"backend": "unsloth"})


def test_other_names_are_not_reserved() -> None:
    assert reserved_message("training.seed") is None
    assert reserved_message("training.trainer_type=dpo") is None
