"""Trainers: each trains the bundled model, saves it where it was told, and says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, DatasetDict
from peft import PeftModel
from safetensors.torch import load_file
from support import order_rows, write_rows
from transformers import AutoModelForCausalLM

from finetune_cli.core.config import PipelineConfig
from finetune_cli.core.exceptions import (
    EmptyDatasetError,
    IncompatibleConfigError,
    InvalidConfigError,
    MethodNotImplementedError,
    MissingConfigError,
    NaNLossError,
    TargetModulesNotFoundError,
    TrainingError,
)
from finetune_cli.core.types import LoRAConfig, ModelConfig, TrainingConfig, TrainingMethod
from finetune_cli.data import prepare_dataset
from finetune_cli.models.loader import load_model_and_tokenizer
from finetune_cli.trainers import (
    FullFineTuner,
    InstructionTrainer,
    LoRATrainer,
    QLoRATrainer,
    TrainerFactory,
    TrainingResult,
    format_instruction_dataset,
)
from finetune_cli.trainers.job import build_job
from finetune_cli.trainers.job import write_rows as write_job_rows
from forgelm.run.single import run_single

LORA = LoRAConfig(r=4, lora_alpha=8, lora_dropout=0.0)


def pairs(count: int) -> list[dict[str, Any]]:
    chats = [row["messages"] for row in order_rows(count)]
    return [{"instruction": chat[0]["content"], "input": "", "response": chat[1]["content"]} for chat in chats]


def settings(output: Path, method: TrainingMethod = TrainingMethod.LORA, **changes: Any) -> TrainingConfig:
    usual = {"num_epochs": 1, "batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 5e-3}
    return TrainingConfig(method, output, **{**usual, **changes})


@pytest.fixture
def ember() -> tuple[Any, Any]:
    model, tokenizer = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    return model, tokenizer


def tokens(tokenizer: Any, count: int = 24) -> Dataset:
    rows = [tokenizer(row["response"]) | {} for row in pairs(count)]
    return Dataset.from_list([{"input_ids": row["input_ids"], "labels": row["input_ids"]} for row in rows])


def test_an_adapter_is_trained_and_saved_where_it_was_told(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trainer = LoRATrainer(model, tokenizer, settings(tmp_path / "out", save_strategy="no"), LORA)
    result = trainer.train(tokens(tokenizer))
    assert isinstance(result, TrainingResult)
    assert (result.output_dir, result.steps_completed, result.epochs_completed) == (tmp_path / "out", 3, 1)
    assert result.train_loss > 0 and result.elapsed_seconds > 0 and result.eval_loss is None
    assert {path.name for path in result.output_dir.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
        "training_result.json",
    }
    assert not list(result.output_dir.glob("*staging*")) and not list(result.output_dir.glob("checkpoint-*"))
    saved = load_file(result.output_dir / "adapter_model.safetensors")
    assert any(name.endswith("lora_B.weight") and value.abs().max() > 0 for name, value in saved.items())
    base, _ = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items()), "the base is frozen"
    loaded = PeftModel.from_pretrained(base, str(result.output_dir))
    ids = torch.tensor([[5, 9, 12]])
    assert torch.allclose(loaded(input_ids=ids).logits, trainer.model.eval()(input_ids=ids).logits, atol=1e-4)
    written = json.loads((result.output_dir / "adapter_config.json").read_text())
    assert (written["base_model_name_or_path"], written["r"], written["lora_alpha"]) == ("builtin/ember", 4, 8)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.train_loss = 0.0  # type: ignore[misc]


def test_all_weights_are_trained(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    start = {name: value.clone() for name, value in model.state_dict().items()}
    result = FullFineTuner(model, tokenizer, settings(tmp_path / "out")).train(tokens(tokenizer))
    saved = AutoModelForCausalLM.from_pretrained(str(result.output_dir)).state_dict()
    assert all(not torch.equal(saved[name], start[name]) for name in start if name.endswith("weight"))
    assert (tmp_path / "out" / "checkpoint-3").is_dir(), "one checkpoint an epoch"


def test_a_large_model_is_warned_about(ember: tuple[Any, Any], tmp_path: Path) -> None:
    _, tokenizer = ember
    with torch.device("meta"):
        large = torch.nn.Linear(40_000, 26_000)
    large.get_input_embeddings = large.get_output_embeddings = lambda: large  # type: ignore[assignment]
    with pytest.warns(ResourceWarning, match=r"1\.0 billion"):
        FullFineTuner(large, tokenizer, settings(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FullFineTuner(ember[0], tokenizer, settings(tmp_path))


def test_a_quantised_base_is_trained_on(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    model, tokenizer = load_model_and_tokenizer(ModelConfig("builtin/ember", load_in_4bit=True))
    result = QLoRATrainer(model, tokenizer, settings(tmp_path / "out"), LORA).train(tokens(tokenizer))
    assert result.steps_completed == 3
    with pytest.raises(IncompatibleConfigError, match="quantised"):
        FullFineTuner(model, tokenizer, settings(tmp_path / "other"))


def test_a_base_that_is_not_quantised_is_not_called_so(ember: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(IncompatibleConfigError, match="load_in_4bit: true"):
        QLoRATrainer(*ember, settings(tmp_path), LORA)


def test_instructions_are_formatted_then_trained_with_the_prompt_masked(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    raw = Dataset.from_list(pairs(24))
    formatted = format_instruction_dataset(raw)
    assert formatted.column_names == ["text"]
    assert format_instruction_dataset(formatted) is formatted
    first = InstructionTrainer(model, tokenizer, settings(tmp_path / "raw"), LORA).train(raw)
    again = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    second = InstructionTrainer(*again, settings(tmp_path / "text"), LORA).train(formatted)
    assert first.train_loss == second.train_loss, "the prompt is masked either way"
    renamed = raw.rename_columns({"instruction": "ask", "response": "say"})
    third = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    trainer = InstructionTrainer(*third, settings(tmp_path / "named"), LORA, instruction_col="ask", response_col="say")
    assert trainer.train(renamed).train_loss == first.train_loss
    with pytest.raises(ValueError, match="no column 'response'"):
        format_instruction_dataset(Dataset.from_list([{"instruction": "a"}]))
    with pytest.raises(ValueError, match="row 1"):
        format_instruction_dataset(Dataset.from_list([{"instruction": None, "response": "a"}]))


def test_padding_changes_nothing(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    rows = tokens(tokenizer)
    padded = rows.map(
        lambda row: {
            "input_ids": row["input_ids"] + [tokenizer.pad_token_id] * 9,
            "attention_mask": [1] * len(row["input_ids"]) + [0] * 9,
            "labels": row["labels"] + [-100] * 9,
        }
    )
    bare = LoRATrainer(model, tokenizer, settings(tmp_path / "a"), LORA).train(rows)
    other = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    assert LoRATrainer(*other, settings(tmp_path / "b"), LORA).train(padded).train_loss == bare.train_loss
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in "ab")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_validation_rows_are_measured_where_that_is_asked(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    rows = DatasetDict({"train": tokens(tokenizer, 16), "validation": tokens(tokenizer, 8)})
    result = LoRATrainer(model, tokenizer, settings(tmp_path / "a", evaluation_strategy="epoch"), LORA).train(rows)
    assert result.eval_loss is not None and result.eval_loss > 0
    assert result.trainer_logs
    other = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    unasked = LoRATrainer(*other, settings(tmp_path / "b"), LORA).train({"train": rows["train"], "validation": None})
    assert unasked.eval_loss is None
    with pytest.raises(InvalidConfigError, match="no validation part"):
        LoRATrainer(*other, settings(tmp_path / "c", evaluation_strategy="epoch"), LORA).train(rows["train"])


def test_text_rows_are_tokenised_by_the_trainer(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    texts = Dataset.from_list([{"text": row["response"]} for row in pairs(16)])
    assert LoRATrainer(model, tokenizer, settings(tmp_path / "a"), LORA).train(texts).steps_completed == 2


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (TrainingMethod.LORA, LoRATrainer),
        (TrainingMethod.INSTRUCTION_TUNING, InstructionTrainer),
        (TrainingMethod.FULL_FINETUNING, FullFineTuner),
    ],
)
def test_the_factory_knows_the_trainer(method: Any, kind: type[Any], ember: tuple[Any, Any], tmp_path: Path) -> None:
    made = TrainerFactory.create(*ember, settings(tmp_path, method), LORA)
    assert type(made) is kind
    if method is not TrainingMethod.FULL_FINETUNING:
        with pytest.raises(MissingConfigError, match="lora_config"):
            TrainerFactory.create(*ember, settings(tmp_path, method))


def test_the_factory_refuses_what_is_not_supported(ember: tuple[Any, Any], tmp_path: Path) -> None:
    with pytest.raises(MethodNotImplementedError, match="dpo"):
        TrainerFactory.create(*ember, settings(tmp_path, TrainingMethod.DPO), LORA)
    with pytest.raises(IncompatibleConfigError, match="quantised"):
        TrainerFactory.create(*ember, settings(tmp_path, TrainingMethod.QLORA), LORA)


def test_what_is_wrong_is_said_and_nothing_is_left(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    rows, out = tokens(tokenizer, 8), tmp_path / "out"
    for dataset, kind, said in (
        (Dataset.from_dict({"input_ids": [], "labels": []}), EmptyDatasetError, "no rows"),
        (Dataset.from_list([{"input_ids": [5, 6], "labels": [-100, -100]}]), TrainingError, "every label is masked"),
        ({"validation": rows}, EmptyDatasetError, "train"),
    ):
        with pytest.raises(kind, match=said):
            LoRATrainer(model, tokenizer, settings(out), LORA).train(dataset)
    for lora, kind, said in (
        (dataclasses.replace(LORA, target_modules=["c_attn"]), TargetModulesNotFoundError, "c_attn"),
        (dataclasses.replace(LORA, init_lora_weights="loftq"), IncompatibleConfigError, "loftq"),
        (dataclasses.replace(LORA, fan_in_fan_out=True), IncompatibleConfigError, "PEFT reads it off"),
    ):
        with pytest.raises(kind, match=said):
            LoRATrainer(model, tokenizer, settings(out), lora).train(rows)
    assert not out.exists()
    out.mkdir()
    (out / "mine").write_text("")
    with pytest.raises(InvalidConfigError, match="not an empty folder"):
        LoRATrainer(model, tokenizer, settings(out), LORA).train(rows)
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_a_loss_that_is_no_number_ends_the_training(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    torch.nn.init.constant_(model.get_input_embeddings().weight, math.nan)
    with pytest.raises(NaNLossError, match="not a finite number at step 1") as caught:
        FullFineTuner(model, tokenizer, settings(tmp_path / "out", TrainingMethod.FULL_FINETUNING)).train(
            tokens(tokenizer)
        )
    assert caught.value.step == 1
    assert not (tmp_path / "out" / "model.safetensors").exists()


def pipeline(path: Path, output: Path, **changes: Any) -> PipelineConfig:
    base: dict[str, Any] = {
        "model": {"name": "builtin/ember"},
        "dataset": {"source": "local_file", "path": str(path)},
        "tokenization": {"max_length": 128},
        "training": {"method": "lora", "output_dir": str(output), "num_epochs": 1, "learning_rate": 5e-3},
        "lora": {"lora_dropout": 0.1},
    }
    for name, section in changes.items():
        base[name] = base[name] | section
    return PipelineConfig.from_dict(base)


@pytest.mark.parametrize("layout", ["instruction", "pair", "text"])
def test_python_and_the_engine_train_the_same_bytes(layout: str, tmp_path: Path) -> None:
    rows = pairs(40)
    if layout == "pair":
        rows = [{"prompt": row["instruction"] + "\n", "output": row["response"]} for row in rows]
    elif layout == "text":
        rows = [{"content": row["response"]} for row in rows]
    config = pipeline(write_rows(tmp_path / "r.jsonl", rows), tmp_path / "engine")
    job = build_job(config)
    assert (job.rows is None) == (layout != "instruction"), "the engine reads what it can by itself"
    write_job_rows(job)
    result = run_single(job.config)
    assert result.final_model_path is not None
    model, tokenizer = load_model_and_tokenizer(config.model.to_config())
    data = prepare_dataset(config.dataset.to_config(), config.tokenization.to_config(), tokenizer, True)
    ours = dataclasses.replace(config.training.to_config(), output_dir=tmp_path / "python")
    assert config.lora is not None
    made = TrainerFactory.train(model, tokenizer, data, ours, config.lora.to_config())
    name = "adapter_model.safetensors"
    assert (made.output_dir / name).read_bytes() == (Path(result.final_model_path) / name).read_bytes()


def test_a_seed_of_its_own_splits_the_data(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{"text": f"order {number}"} for number in range(40)])
    same, other = (
        build_job(pipeline(path, tmp_path / "a")),
        build_job(pipeline(path, tmp_path / "b", dataset={"seed": 7, "source": "local_file", "path": str(path)})),
    )
    assert same.rows is None and other.rows is not None
    assert len(other.rows["validation"]) == 4
    write_job_rows(other)
    assert sorted(file.name for file in (tmp_path / "b" / "prepared_data").iterdir()) == [
        "train.jsonl",
        "validation.jsonl",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"load_in_8bit": True}}, "8 bits"),
        ({"tokenization": {"add_special_tokens": False}}, "special tokens"),
        ({"lora": {"init_lora_weights": False}}, "init_lora_weights"),
        ({"lora": {"fan_in_fan_out": True}}, "fan_in_fan_out"),
    ],
)
def test_a_run_refuses_what_it_cannot_honour(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{"text": "a"}, {"text": "b"}])
    with pytest.raises(IncompatibleConfigError, match=said):
        build_job(pipeline(path, tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()


def test_dropout_and_biases_are_those_of_the_section(ember: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = ember
    lora = dataclasses.replace(LORA, lora_dropout=0.25, bias="lora_only")
    result = LoRATrainer(model, tokenizer, settings(tmp_path / "out"), lora).train(tokens(tokenizer, 8))
    written = json.loads((result.output_dir / "adapter_config.json").read_text())
    assert (written["lora_dropout"], written["bias"]) == (0.25, "lora_only")
