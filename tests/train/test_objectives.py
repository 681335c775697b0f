"""TRL's configurations take what each objective gives them, as it is."""

from __future__ import annotations

from dataclasses import fields

import pytest
from train.test_arguments import PLAN

from forgelm.config.training import TrainingConfig
from forgelm.train.arguments import build_arguments
from forgelm.train.experimental import load_trainer_module
from forgelm.train.objectives import OBJECTIVES
from forgelm.train.trainers import TRAINERS


def test_every_trainer_has_its_objective() -> None:
    assert set(OBJECTIVES) == set(TRAINERS)


@pytest.mark.parametrize("trainer", OBJECTIVES)
def test_trl_takes_every_argument_as_it_is(trainer: str) -> None:
    made = build_arguments(TrainingConfig(trainer_type=trainer, report_to="none"), PLAN)
    kind = TRAINERS[trainer]
    config = getattr(load_trainer_module(kind.module), kind.config_class)(**made)
    assert set(made) <= {field.name for field in fields(config)}
    kept = {name: getattr(config, name) for name in made if name not in ("report_to", "eval_steps")}
    assert kept == {name: made[name] for name in kept}


def test_simpo_has_no_loss_on_the_chosen_reply_alone() -> None:
    made = OBJECTIVES["simpo"](TrainingConfig(trainer_type="simpo"), 64)
    assert (made["loss_type"], made["cpo_alpha"]) == ("simpo", 0.0)
