"""What belongs to one trainer: names, combinations that are refused, and fields that do nothing, which are reported."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.objectives import READ_BY, ObjectiveConfig, find_unread
from forgelm.config.training import TrainingConfig

NOT_DEFAULT: dict[str, Any] = {
    "loss_type": "hinge",
    "precompute_ref_log_probs": True,
    "label_smoothing": 0.1,
    "packing": True,
    "padding_free": True,
    "oom_recovery": True,
    "memory_probe": True,
    "assistant_only_loss": True,
    "completion_only_loss": True,
    "grpo_rewards": ["length"],
    "grpo_reward_weights": None,
    "grpo_reward_model": "a/b",
    "grpo_reward_model_revision": None,
    "grpo_top_p": 0.5,
}
TRAINERS = ("sft", "dpo", "simpo", "kto", "orpo", "grpo")


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize("name", READ_BY)
def test_a_field_that_the_trainer_never_reads_is_reported(name: str, trainer: str) -> None:
    training = TrainingConfig(trainer_type=trainer, **{name: NOT_DEFAULT.get(name, 2)})
    unread = [text for text in find_unread(training) if text.startswith(f"training.{name} ")]
    expected = f"training.{name} is set, but has no effect with trainer_type={trainer}"
    assert (expected in unread) is (trainer not in READ_BY[name])


def test_every_field_of_one_trainer_is_in_the_table() -> None:
    assert set(ObjectiveConfig.model_fields) - set(READ_BY) == {"trainer_type"}
    assert set(READ_BY) <= set(TrainingConfig.model_fields)


def test_it_is_reported_when_a_configuration_is_read(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="forgelm"):
        build(training={"trainer_type": "kto", "dpo_beta": 0.2})
    assert "training.dpo_beta is set, but has no effect with trainer_type=kto" in caplog.text


def test_smoothing_that_a_loss_ignores_is_reported() -> None:
    smooth = TrainingConfig(trainer_type="dpo", label_smoothing=0.1)
    assert "has no effect with loss_type=sigmoid" in next(find_unread(smooth))
    assert list(find_unread(TrainingConfig(trainer_type="dpo", label_smoothing=0.1, loss_type="robust"))) == []


def test_the_second_name_stays_and_both_together_are_refused(build: Any) -> None:
    assert build(training={"grpo_max_new_tokens": 7}).training.grpo_max_completion_length == 7
    with pytest.raises(ConfigError, match="another name for grpo_max_completion_length"):
        build(training={"grpo_max_new_tokens": 7, "grpo_max_completion_length": 7})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"loss_type": "exo_pair"}}, "needs it to be above 0"),
        ({"training": {"grpo_reward_model": "a/b", "grpo_rewards": "length"}}, "takes the place of the rewards"),
        ({"training": {"grpo_rewards": ["length"], "grpo_reward_weights": [1, 2]}}, "2 weights for 1 rewards"),
        ({"training": {"trainer_type": "kto", "per_device_train_batch_size": 1}}, "nothing to compare"),
        ({"training": {"trainer_type": "grpo", "grpo_num_generations": 3}}, "no multiple of"),
        ({"training": {"trainer_type": "grpo", "grpo_beta": 0.1}, "lora": None}, "compares with the model"),
        ({"training": {"trainer_type": "dpo"}, "lora": {"method": "pissa"}}, "changes in memory"),
        ({"training": {"trainer_type": "grpo"}, "evaluation": {"max_acceptable_loss": 1}}, "grpo has none"),
    ],
)
def test_combinations_that_cannot_work_are_refused(build: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    ("training", "processes", "once"),
    [
        ({"num_train_epochs": 2}, 1, True),
        ({"num_train_epochs": 2}, 2, False),
        ({"num_train_epochs": 1}, 1, False),
        ({"num_train_epochs": 2, "max_steps": 5}, 1, False),
        ({"num_train_epochs": 1, "precompute_ref_log_probs": True}, 2, True),
        ({"num_train_epochs": 2, "precompute_ref_log_probs": False}, 1, False),
    ],
)
def test_the_reference_is_asked_once_where_rows_are_seen_more_often(
    build: Any, training: dict[str, Any], processes: int, once: bool
) -> None:
    config = build(training={"trainer_type": "dpo", **training})
    assert config.training.asks_reference_once(processes) is once
