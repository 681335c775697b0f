"""What decides the weights is part of a training's identity; where it writes and how long it goes on is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import order_rows, write_rows

from forgelm.config.root import ForgeConfig
from forgelm.config.training import TrainingConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.train.identity import MAY_CHANGE, describe_training
from forgelm.train.tokenised import tokenise_data

Make = Callable[..., ForgeConfig]


def describe(config: ForgeConfig) -> dict[str, Any]:
    loaded = load(config)
    rows = tokenise_data(config, prepare_run(config), loaded.tokenizer).train.examples
    return describe_training(config, loaded, rows)


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def test_it_is_the_same_in_every_session(make_config: Make) -> None:
    changed = {"training": {"max_steps": 7, "report_to": "none", "save_steps": 3, "final_model_dir": "other"}}
    assert differences(describe(make_config()), describe(make_config(**changed))) == set()
    assert set(TrainingConfig.model_fields) >= MAY_CHANGE


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"training": {"learning_rate": 1e-4}}, {"training.learning_rate"}),
        ({"training": {"seed": 7}}, {"training.seed", "training rows"}),
        ({"lora": {"r": 4}}, {"lora.r"}),
        ({"model": {"max_length": 128}}, {"model.max_length"}),
    ],
)
def test_what_decides_the_weights_is_named(make_config: Make, changes: dict[str, Any], names: set[str]) -> None:
    assert differences(describe(make_config()), describe(make_config(**changes))) == names


def test_other_rows_are_another_training(make_config: Make, tmp_path: Path) -> None:
    before = describe(make_config())
    write_rows(tmp_path / "orders.jsonl", order_rows(121)[1:])
    assert differences(before, describe(make_config())) == {"training rows"}


def test_other_weights_of_the_same_shape_are_another_model(make_config: Make, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from support import ember_model, ember_tokenizer

    folder = tmp_path / "model"
    ember_model().save_pretrained(folder)
    ember_tokenizer().save_pretrained(folder)
    config = make_config(model={"name_or_path": str(folder)})
    before = describe(config)
    weights = load_file(folder / "model.safetensors")
    name = next(iter(weights))
    weights[name] = weights[name] * 1.01
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert differences(before, describe(config)) == {"model weights"}
