"""Rules inside the section ``training``, and its names against those transformers knows."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.training import Optimizer, Schedule


def test_both_precisions_at_once_are_refused(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"training\.fp16: bf16 and fp16 cannot both be true"):
        build(training={"bf16": True, "fp16": True})
    assert build(training={"bf16": True, "fp16": False}).training.bf16 is True


def test_sample_packing_is_forwarded_with_a_warning(build: Any, caplog: Any) -> None:
    with pytest.warns(DeprecationWarning, match=r"training\.sample_packing .* write training\.packing"):
        config = build(training={"sample_packing": True})
    assert config.training.packing is True
    assert "sample_packing" in caplog.text
    assert "sample_packing" not in config.to_yaml()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_sample_packing_that_contradicts_packing_is_refused(build: Any) -> None:
    with pytest.raises(ConfigError, match=r"contradicts training\.packing"):
        build(training={"sample_packing": True, "packing": False})
    assert build(training={"sample_packing": True, "packing": True}).training.packing is True


def test_every_optimizer_and_schedule_exists_in_transformers() -> None:
    optimizers = pytest.importorskip("transformers.training_args").OptimizerNames
    schedules = pytest.importorskip("transformers.trainer_utils").SchedulerType
    assert set(get_args(Optimizer)) <= {name.value for name in optimizers}
    assert set(get_args(Schedule)) <= {name.value for name in schedules}
