"""Models: loaded as the record says, the modules an adapter goes on, and folders as users name them."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, LlamaConfig

from finetune_cli.core.exceptions import (
    CUDANotAvailableError,
    ModelLoadError,
    ModelNotFoundError,
    TargetModulesNotFoundError,
)
from finetune_cli.core.types import DeviceType, ModelConfig, TrainingConfig, TrainingMethod
from finetune_cli.models.folders import find_folder, is_adapter, load_any
from finetune_cli.models.loader import load_model_and_tokenizer
from finetune_cli.models.sections import NO_STEPS, model_section, steps_per_epoch, training_section
from finetune_cli.models.targets import detect_target_modules, find_target_modules, load_skeleton
from forgelm.config.root import ForgeConfig
from forgelm.config.training import TrainingConfig as EngineTraining

EMBER = Path(str(files("forgelm.model") / "ember"))


def test_a_model_is_loaded_with_a_tokenizer_that_can_pad() -> None:
    model, tokenizer = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    assert model.dtype == torch.float32 and model.device.type == "cpu"
    assert tokenizer.pad_token_id is not None
    assert model.name_given == "builtin/ember"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_type_of_the_numbers_is_the_one_named(dtype: str) -> None:
    model, _ = load_model_and_tokenizer(ModelConfig(str(EMBER), torch_dtype=dtype))
    assert model.dtype == getattr(torch, dtype)


@pytest.mark.parametrize("how", ["load_in_4bit", "load_in_8bit"])
def test_weights_are_really_quantised(how: str) -> None:
    pytest.importorskip("bitsandbytes")
    model, _ = load_model_and_tokenizer(ModelConfig("builtin/ember", **{how: True}))
    assert getattr(model, f"is_{how.replace('load', 'loaded')}")
    assert any(parameter.dtype in (torch.uint8, torch.int8) for parameter in model.parameters())


@pytest.mark.parametrize(
    ("config", "kind", "said"),
    [
        (ModelConfig("builtin/embr"), ModelNotFoundError, "did you mean builtin/ember"),
        (ModelConfig("./nowhere"), ModelNotFoundError, "no such folder"),
        (ModelConfig("org/absent"), ModelLoadError, "org/absent"),
        (ModelConfig("builtin/ember", use_flash_attention=True), ModelLoadError, "(?i)flash"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_said_so(config: ModelConfig, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        load_model_and_tokenizer(config)
    assert type(caught.value) is kind and "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_hardware_that_is_not_here_is_refused() -> None:
    with pytest.raises(CUDANotAvailableError):
        load_model_and_tokenizer(ModelConfig("builtin/ember", device=DeviceType.CUDA))
    with pytest.raises(ModelLoadError, match="mps"):
        load_model_and_tokenizer(ModelConfig("builtin/ember", device=DeviceType.MPS))


def test_a_model_in_the_cache_that_was_named(tmp_path: Path) -> None:
    commit = "ab" * 20
    repo = tmp_path / "models--org--cached"
    shutil.copytree(EMBER, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    model, tokenizer = load_model_and_tokenizer(ModelConfig("org/cached", cache_dir=tmp_path))
    assert len(tokenizer) > 0 and model.config.model_type
    pinned, _ = load_model_and_tokenizer(ModelConfig("org/cached", cache_dir=tmp_path, revision=commit))
    assert torch.equal(pinned.get_input_embeddings().weight, model.get_input_embeddings().weight)
    with pytest.raises(ModelLoadError):
        load_model_and_tokenizer(ModelConfig("org/cached", cache_dir=tmp_path, revision="v9"))
    (tmp_path / "other").mkdir()
    with pytest.raises(ModelLoadError):
        load_model_and_tokenizer(ModelConfig("org/cached", cache_dir=tmp_path / "other"))


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        (GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=16), ["c_attn"]),
        (
            LlamaConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1, vocab_size=16, intermediate_size=8),
            ["q_proj", "v_proj"],
        ),
    ],
)
def test_the_modules_are_pefts_own_for_the_architecture(config: Any, wanted: list[str]) -> None:
    assert detect_target_modules(AutoModelForCausalLM.from_config(config)) == wanted


def test_an_unknown_architecture_gets_its_attention_or_a_refusal() -> None:
    block = torch.nn.ModuleDict({"q_proj": torch.nn.Linear(2, 2), "o_proj": torch.nn.Linear(2, 2)})
    assert detect_target_modules(block) == ["q_proj", "o_proj"]
    with pytest.raises(TargetModulesNotFoundError, match="target_modules"):
        detect_target_modules(torch.nn.ModuleDict({"mix": torch.nn.Linear(2, 2)}))


def test_named_modules_must_exist() -> None:
    ember = ModelConfig("builtin/ember")
    assert find_target_modules(ember, ["k_proj"]) == ["k_proj"]
    assert find_target_modules(ember, None) == ["q_proj", "v_proj"]
    with pytest.raises(TargetModulesNotFoundError, match=r"c_attn.*q_proj"):
        find_target_modules(ember, ["c_attn"])


def test_a_skeleton_has_the_shapes_and_no_weights() -> None:
    model = load_skeleton(ModelConfig("builtin/ember"))
    real = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(EMBER)))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert [tuple(one.shape) for one in model.parameters()] == [tuple(one.shape) for one in real.parameters()]


def test_a_run_an_adapter_and_a_model_are_found(tmp_path: Path) -> None:
    run, adapter = tmp_path / "run", tmp_path / "adapter"
    shutil.copytree(EMBER, run / "final_model")
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    assert find_folder(run) == run / "final_model"
    assert find_folder(adapter) == adapter and is_adapter(adapter) and not is_adapter(run / "final_model")
    with pytest.raises(ModelNotFoundError, match="neither"):
        find_folder(tmp_path)
    with pytest.raises(ModelNotFoundError, match="it is a file"):
        find_folder(__file__)
    with pytest.raises(ModelNotFoundError, match="no such"):
        find_folder(tmp_path / "absent")
    with pytest.raises(ModelLoadError, match="give --base-model"):
        load_any(str(adapter))
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "./gone"}))
    with pytest.raises(ModelNotFoundError, match="gone"):
        load_any(str(adapter))
    model, _ = load_any(str(run))
    assert model.config.model_type


def test_every_field_of_a_record_reaches_the_engine() -> None:
    config = ModelConfig(
        "org/base",
        torch_dtype="bfloat16",
        load_in_4bit=True,
        use_flash_attention=True,
        trust_remote_code=True,
        revision="v1",
        cache_dir=Path("c"),
    )
    made = ForgeConfig(model=model_section(config), lora={}, training={}, data={"dataset_name_or_path": "d"}).model
    assert (made.name_or_path, made.dtype, made.load_in_4bit, made.attn_implementation) == (
        "org/base",
        "bfloat16",
        True,
        "flash_attention_2",
    )
    assert (made.trust_remote_code, made.revision, made.cache_dir) == (True, "v1", "c")


TRAINING = TrainingConfig(TrainingMethod.LORA, Path("out"))
MEANING = [
    ("num_epochs", 7, "num_train_epochs", 7),
    ("batch_size", 7, "per_device_train_batch_size", 7),
    ("gradient_accumulation_steps", 7, "gradient_accumulation_steps", 7),
    ("learning_rate", 0.5, "learning_rate", 0.5),
    ("weight_decay", 0.5, "weight_decay", 0.5),
    ("warmup_ratio", 0.5, "warmup_ratio", 0.5),
    ("lr_scheduler_type", "linear", "lr_scheduler_type", "linear"),
    ("max_grad_norm", 0.5, "max_grad_norm", 0.5),
    ("fp16", True, "fp16", True),
    ("bf16", True, "bf16", True),
    ("logging_steps", 7, "logging_steps", 7),
    ("save_strategy", "no", "save_steps", NO_STEPS),
    ("save_strategy", "steps", "save_steps", 500),
    ("evaluation_strategy", "epoch", "eval_steps", 25),
    ("evaluation_strategy", "steps", "eval_steps", 500),
    ("seed", 7, "seed", 7),
    ("gradient_checkpointing", True, "gradient_checkpointing", True),
    ("output_dir", Path("there"), "output_dir", "there"),
]


@pytest.mark.parametrize(("name", "value", "ours", "wanted"), MEANING)
def test_a_training_field_means_what_it_says(name: str, value: Any, ours: str, wanted: Any) -> None:
    made = EngineTraining(**training_section(TrainingConfig(**{**vars(TRAINING), name: value}), 25))
    usual = EngineTraining(**training_section(TRAINING, 25))
    assert getattr(made, ours) == wanted != getattr(usual, ours)


def test_the_best_model_is_kept_only_where_that_is_asked() -> None:
    asked = {"save_strategy": "steps", "evaluation_strategy": "steps", "save_steps": 9, "load_best_model_at_end": True}
    made = EngineTraining(**training_section(TrainingConfig(**{**vars(TRAINING), **asked}), 25))
    assert (made.save_steps, made.eval_steps, made.load_best_model_at_end) == (9, 9, True)
    assert made.early_stopping_patience == NO_STEPS, "all epochs are trained"
    assert EngineTraining(**training_section(TRAINING, 25)).load_best_model_at_end is False


@pytest.mark.parametrize(
    ("rows", "batch", "accumulation", "steps"), [(1, 4, 4, 1), (16, 4, 4, 1), (17, 4, 4, 2), (58, 4, 4, 4)]
)
def test_the_steps_of_an_epoch(rows: int, batch: int, accumulation: int, steps: int) -> None:
    config = TrainingConfig(**{**vars(TRAINING), "batch_size": batch, "gradient_accumulation_steps": accumulation})
    assert steps_per_epoch(rows, config) == steps
