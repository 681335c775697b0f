"""What images can be combined with, and what is refused where it stands."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.multimodal import MultimodalConfig

ON = {"multimodal": {"enabled": True}}


def test_the_defaults_are_the_contract_s() -> None:
    section = MultimodalConfig()
    assert (section.enabled, section.image_column, section.text_column) == (False, "image", "text")
    assert section.allow_image_urls is False


def test_only_what_is_enabled_counts(build: Any) -> None:
    assert build().model.images is None
    assert build(model={"multimodal": {}}).model.images is None
    assert build(model=ON).model.images == MultimodalConfig(enabled=True)


def test_a_field_beside_enabled_false_is_reported(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="forgelm.config"):
        build(model={"multimodal": {"image_column": "photo"}})
    assert "model.multimodal is not enabled: image_column has no effect" in caplog.text


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"image_column": " "}, "image_column"),
        ({"text_column": ""}, "text_column"),
        ({"max_image_pixels": 0}, "max_image_pixels"),
        ({"max_image_pixels": 10**9}, "max_image_pixels"),
        ({"enable": True}, "enable"),
    ],
)
def test_values_that_cannot_be_are_refused(build: Any, section: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(model={"multimodal": section})
    assert [problem.path for problem in caught.value.problems] == [f"model.multimodal.{path}"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        *(({"training": {"trainer_type": name}}, "training.trainer_type") for name in ("dpo", "orpo", "kto", "grpo")),
        ({"training": {"packing": True}}, "training.packing"),
        ({"training": {"padding_free": True}}, "training.padding_free"),
        ({"training": {"use_liger_kernel": True}}, "training.use_liger_kernel"),
        ({"training": {"memory_probe": True}}, "training.memory_probe"),
        ({"training": {"sample_prompts": 2}}, "training.sample_prompts"),
        ({"evaluation": {"text": {"enabled": True}}}, "evaluation.text"),
        ({"evaluation": {"memorisation": {"enabled": True}}}, "evaluation.memorisation"),
        ({"evaluation": {"benchmark": {"enabled": True, "tasks": ["arc_easy"]}}}, "evaluation.benchmark"),
        ({"distributed": {"strategy": "fsdp"}}, "distributed.strategy"),
        ({"export": {}}, "export"),
        ({"data": {"columns": {"text": "image"}}}, "model.multimodal.image_column"),
    ],
)
def test_what_cannot_be_combined_with_images_is_refused(build: Any, changes: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(model=ON, **changes)
    assert path in [problem.path for problem in caught.value.problems]


def test_experts_and_a_column_named_twice_are_refused(build: Any) -> None:
    for model, path in (
        ({**ON, "moe": {}}, "model.moe"),
        ({"multimodal": {"enabled": True, "text_column": "caption"}}, "model.multimodal.text_column"),
    ):
        with pytest.raises(ConfigError) as caught:
            build(model=model, data={"columns": {"text": "story"}} if "moe" not in model else {})
        assert [problem.path for problem in caught.value.problems] == [path]


def test_the_same_without_images_is_not(build: Any) -> None:
    build(model={"multimodal": {}}, training={"packing": True})
