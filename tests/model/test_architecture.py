from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from families import FAMILIES, build_configuration, build_model

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import (
    TYPICAL,
    Dimensions,
    build_shapes,
    build_typical,
    nearest_typical,
    read_model_shapes,
    size_in_name,
)


@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_are_those_of_the_real_model(family: str) -> None:
    model = build_model(family)
    shapes = build_shapes(build_configuration(family))
    assert [(w.name, w.shape) for w in shapes.weights] == [(n, tuple(p.shape)) for n, p in model.named_parameters()]
    assert shapes.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert shapes.layers == 3
    linear = {name: module for name, module in model.named_modules() if type(module).__name__ == "Linear"}
    for weight in shapes.of("linear", "head"):
        if weight.module in linear:
            module = linear[weight.module]
            assert (weight.inputs, weight.outputs) == (module.in_features, module.out_features)


@pytest.mark.parametrize("tied", [True, False])
def test_given_dimensions_make_the_model_transformers_would(tied: bool) -> None:
    import transformers as hf

    shapes = build_typical(Dimensions(64, 3, 4, 2, 176, 512, tied=tied))
    theirs = build_shapes(
        hf.LlamaConfig(
            hidden_size=64,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            intermediate_size=176,
            vocab_size=512,
            tie_word_embeddings=tied,
        )
    )
    assert sorted((w.name, w.shape, w.role, w.layer) for w in shapes.weights) == sorted(
        (w.name, w.shape, w.role, w.layer) for w in theirs.weights
    )


def test_typical_models_have_the_size_they_stand_for() -> None:
    for size, dimensions in TYPICAL.items():
        assert build_typical(dimensions).parameters / 1e9 == pytest.approx(size, rel=0.12)


def test_the_language_part_of_a_model_that_sees_is_read() -> None:
    import transformers as hf

    text = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 176,
        "vocab_size": 512,
        "head_dim": 16,
    }
    vision = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 28,
        "patch_size": 14,
    }
    shapes = build_shapes(hf.Gemma3Config(text_config=text, vision_config=vision))
    assert shapes.hidden == 64
    assert shapes.layers == 2
    assert shapes.head_dim == 16


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 8.0),
        ("Qwen/Qwen2.5-0.5B", 0.5),
        ("x/smol_135m", 0.135),
        ("mistralai/Mistral-7B-v0.3", 7.0),
        ("gpt2", None),
        ("x/gemma3b-it", None),
        ("a/b-8bit", None),
    ],
)
def test_a_name_says_its_size_or_not(name: str, size: float | None) -> None:
    assert size_in_name(name) == size


def test_the_nearest_typical_model_is_chosen_by_ratio() -> None:
    assert nearest_typical(70) is TYPICAL[70.6]
    assert nearest_typical(0.6) is TYPICAL[0.5]


def test_a_broken_local_configuration_is_the_users_mistake_and_not_guessed_around(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    broken: Any = ForgeConfig(
        model={"name_or_path": str(tmp_path), "load_in_4bit": False},
        lora=None,
        training={},
        data={"dataset_name_or_path": "x"},
    )
    with pytest.raises(ModelError, match="configuration"):
        read_model_shapes(broken)


def test_a_model_that_runs_already_is_left_as_it_is() -> None:
    model = build_model("llama", attention="sdpa")
    build_shapes(model.config)
    assert model.config._attn_implementation == "sdpa"
