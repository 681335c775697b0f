"""Each stage is one whole configuration: sections are replaced, never mixed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.config.stages import Stage, build_stages, refuse_pipeline, require_pipeline, with_model


def build(*stages: dict[str, Any], **changes: Any) -> tuple[Stage, ...]:
    pipeline = {"output_dir": "chain", "stages": list(stages)}
    return build_stages(ForgeConfig(**sections(Path("d.jsonl"), Path("root"), pipeline=pipeline, **changes)))


def test_a_section_is_replaced_as_a_whole() -> None:
    sft, dpo = build(
        {"name": "sft"},
        {"name": "dpo", "training": {"trainer_type": "dpo", "output_dir": "out/dpo"}, "lora": {"r": 4}},
        training={"learning_rate": 5e-4, "output_dir": "out/sft"},
        lora={"r": 8, "alpha": 32},
        evaluation={"auto_revert": True},
    )
    assert (sft.source, dpo.source) == ("root", "chain")
    assert (sft.config.training.learning_rate, dpo.config.training.learning_rate) != (5e-4, 5e-4)
    assert sft.config.lora is not None and dpo.config.lora is not None
    assert (sft.config.lora.alpha, dpo.config.lora.r) == (32, 4)
    assert dpo.config.lora.alpha != 32
    assert dpo.config.evaluation is not None and dpo.config.evaluation.auto_revert
    assert sft.config.pipeline is dpo.config.pipeline is None


def test_data_and_gates_are_replaced_too() -> None:
    first, second = build(
        {"name": "a", "training": {"trainer_type": "sft", "output_dir": "out/a"}},
        {
            "name": "b",
            "training": {"trainer_type": "sft", "output_dir": "out/b"},
            "data": {"dataset_name_or_path": "other.jsonl"},
            "evaluation": {"max_acceptable_loss": 2.0},
        },
        evaluation={"auto_revert": True},
    )
    assert first.config.evaluation is not None and first.config.evaluation.auto_revert
    assert second.config.evaluation is not None and not second.config.evaluation.auto_revert
    assert second.config.evaluation.max_acceptable_loss == 2.0
    assert first.config.data.dataset_name_or_path != second.config.data.dataset_name_or_path == "other.jsonl"


def test_a_stage_with_a_model_leaves_the_chain_and_the_next_one_joins_it() -> None:
    out = [{"trainer_type": "sft", "output_dir": f"out/{index}"} for index in range(3)]
    first, second, third = build(
        {"name": "a", "training": out[0]},
        {"name": "b", "training": out[1], "model": {"name_or_path": "some/model", "load_in_4bit": False}},
        {"name": "c", "training": out[2]},
    )
    assert [stage.source for stage in (first, second, third)] == ["root", "stage_explicit", "chain"]
    assert third.config.model.name_or_path == "some/model"


def test_every_finding_of_every_stage_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        build(
            {"name": "sft", "training": {"trainer_type": "sft", "output_dir": "same", "merge_adapters": True}},
            {
                "name": "dpo",
                "training": {"trainer_type": "grpo", "output_dir": "x"},
                "evaluation": {"baseline_loss": 1},
            },
            {"name": "kto", "training": {"trainer_type": "kto", "output_dir": "./same"}},
            {"name": "orpo", "training": {"trainer_type": "orpo", "output_dir": "chain"}},
        )
    paths = [problem.path for problem in caught.value.problems]
    assert "pipeline.stages[1] (dpo): evaluation.baseline_loss" in paths
    assert "pipeline.stages[2].training.output_dir" in paths
    assert "pipeline.stages[3].training.output_dir" in paths
    assert "the folder of stage 'sft'" in str(caught.value)
    assert "the folder of the pipeline itself" in str(caught.value)


def test_another_model_takes_the_old_ones_pin_away() -> None:
    (stage,) = build({"name": "a"}, model={"name_or_path": "some/model", "revision": "a" * 40, "load_in_4bit": False})
    changed = with_model(stage, "/somewhere", "cli_override")
    assert (changed.config.model.name_or_path, changed.config.model.revision) == ("/somewhere", None)
    assert (changed.source, stage.config.model.revision) == ("cli_override", "a" * 40)
    assert changed.config.model.load_in_4bit is False


def test_without_a_pipeline_there_are_no_stages() -> None:
    with pytest.raises(ConfigError, match="has no pipeline"):
        require_pipeline(ForgeConfig(**sections(Path("d.jsonl"), Path("root"))))


def test_what_is_about_one_training_says_so_of_a_pipeline() -> None:
    config = ForgeConfig(**sections(Path("d.jsonl"), Path("root"), pipeline={"stages": [{"name": "a"}]}))
    with pytest.raises(ConfigError, match="--merge is about one training"):
        refuse_pipeline(config, "--merge")
    refuse_pipeline(build_stages(config)[0].config, "--merge")
