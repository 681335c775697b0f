"""A stage begins with whole weights: what is no model, or no longer what was sealed, is not handed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import sections

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import Stage, build_stages
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.run.pipeline.handover import hand_over
from forgelm.run.pipeline.run import begin_state


def build(folder: Path) -> tuple[ForgeConfig, tuple[Stage, ...]]:
    stages = [
        {"name": name, "training": {"trainer_type": name, "output_dir": str(folder / name)}} for name in ("sft", "dpo")
    ]
    config = ForgeConfig(**sections(Path("d.jsonl"), folder / "x", pipeline={"stages": stages}))
    return config, build_stages(config)


def test_the_first_stage_begins_with_the_model_of_the_file(tmp_path: Path) -> None:
    config, stages = build(tmp_path)
    found = hand_over(tmp_path, stages, "sft", begin_state(config, stages), None)
    assert (found.input_model, found.loaded_from, found.stage.source) == ("builtin/ember", None, "root")


def test_a_whole_model_is_loaded_where_it_stands(tmp_path: Path) -> None:
    config, stages = build(tmp_path)
    final = tmp_path / "sft" / "final_model"
    final.mkdir(parents=True)
    (final / "model.safetensors").write_bytes(b"w")
    write_integrity_manifest(final)
    found = hand_over(tmp_path, stages, "dpo", begin_state(config, stages), None)
    assert (found.input_model, found.loaded_from) == (str(final), None)
    assert found.stage.config.model.name_or_path == str(final)
    (final / "model.safetensors").write_bytes(b"x")
    with pytest.raises(IntegrityError):
        hand_over(tmp_path, stages, "dpo", begin_state(config, stages), None)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    config, stages = build(tmp_path)
    with pytest.raises(ConfigError, match="stage 'sft' has left no model"):
        hand_over(tmp_path, stages, "dpo", begin_state(config, stages), None)
    with pytest.raises(ConfigError, match="no model folder"):
        hand_over(tmp_path, stages, "dpo", begin_state(config, stages), str(tmp_path / "none"))


def test_a_given_model_takes_the_place_of_the_chains(tmp_path: Path) -> None:
    config, stages = build(tmp_path)
    (tmp_path / "mine").mkdir()
    found = hand_over(tmp_path, stages, "dpo", begin_state(config, stages), str(tmp_path / "mine"))
    assert (found.stage.source, found.input_model) == ("cli_override", str(tmp_path / "mine"))
