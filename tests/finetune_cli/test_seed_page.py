"""The page this package is written after: its Python and its commands run as they are printed there.

``gpt2`` is a folder with the bundled model in it, beside the files the page names.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest
from datasets import Dataset, DatasetDict
from support import order_rows, write_rows

from finetune_cli.cli.main import finetune_cli, run
from finetune_cli.core import exceptions
from finetune_cli.core.config import PipelineConfig
from finetune_cli.core.exceptions import FineTuneError
from finetune_cli.data import quick_load
from finetune_cli.models.loader import load_model_and_tokenizer
from finetune_cli.trainers import TrainingResult

# As printed.
BLOCKS = {
    "build": """\
from finetune_cli.core.config import ConfigBuilder
from finetune_cli.core.types import TrainingMethod, DatasetSource

config = (
    ConfigBuilder()
    .with_model("gpt2", torch_dtype="float32")
    .with_dataset("./data.jsonl", source=DatasetSource.LOCAL_FILE, max_samples=1000)
    .with_tokenization(max_length=512)
    .with_training(TrainingMethod.LORA, "./output", num_epochs=3, batch_size=4)
    .with_lora(r=8, lora_alpha=32, lora_dropout=0.1)
    .build()
)
""",
    "files": """\
# Load from file
config = PipelineConfig.from_yaml(Path("config.yaml"))
config = PipelineConfig.from_json(Path("config.json"))

# Save to file
config.to_yaml(Path("config.yaml"))
config.to_json(Path("config.json"))
""",
    "quick_load": """\
from finetune_cli.data import quick_load
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("gpt2")
dataset = quick_load("./data.jsonl", tokenizer, max_samples=500, max_length=512)
# Returns: datasets.Dataset with input_ids, attention_mask, labels
""",
    "prepare": """\
from finetune_cli.data import prepare_dataset

result = prepare_dataset(
    dataset_config=config.dataset.to_config(),
    tokenization_config=config.tokenization.to_config(),
    tokenizer=tokenizer,
    split_for_validation=True,
    validation_ratio=0.1,
)
# result["train"], result["validation"]
""",
    "pipeline": """\
from finetune_cli.data import DataPipeline

pipeline = DataPipeline(dataset_config, tokenization_config, tokenizer)
dataset = pipeline.run(split_for_validation=False)
stats = pipeline.get_statistics()   # {"num_samples": 1000, "avg_words": 42, ...}
pipeline.save_processed(Path("./data/processed"))
""",
    "load": """\
from finetune_cli.models.loader import load_model_and_tokenizer

model, tokenizer = load_model_and_tokenizer(config.model.to_config())
""",
    "train": """\
from finetune_cli.trainers import TrainerFactory

result = TrainerFactory.train(
    model=model,
    tokenizer=tokenizer,
    dataset=dataset,
    training_config=config.training.to_config(),
    lora_config=config.lora.to_config(),
)
# result.output_dir, result.train_loss, result.steps_completed
""",
    "direct": """\
from finetune_cli.trainers import LoRATrainer

trainer = LoRATrainer(model, tokenizer, training_config, lora_config)
result = trainer.train(dataset)
""",
    "benchmark": """\
from finetune_cli.evaluation import BenchmarkRunner
from finetune_cli.core.types import EvaluationConfig, EvaluationMetric

eval_cfg = EvaluationConfig(
    metrics=[EvaluationMetric.ROUGE_L, EvaluationMetric.BLEU],
    num_samples=100,
    generation_max_length=100,
)
runner = BenchmarkRunner(eval_cfg, tokenizer)

# Single model score
result = runner.evaluate(model, dataset, label="fine-tuned")
print(result.scores)  # {"rougeL": 0.42, "bleu": 0.19}

# Before/after comparison
report = runner.run_comparison(base_model, ft_model, dataset)
print(report.summary())
print(report.improvements)  # {"rougeL": +0.12, "bleu": +0.07}
""",
    "exceptions": """\
from finetune_cli.core.exceptions import (
    InvalidConfigError,      # Bad config value
    MissingConfigError,      # Required field absent
    IncompatibleConfigError, # Conflicting options (e.g. fp16 + bf16)
    DatasetNotFoundError,    # File path doesn't exist
    EmptyDatasetError,       # Dataset loaded but has 0 rows
    NoTextColumnsError,      # No string columns found
    TrainingError,           # Training loop failure
    ModelLoadError,          # Model download / load failed
)
""",
    "full": """\
from finetune_cli.trainers import FullFineTuner

trainer = FullFineTuner(model, tokenizer, training_config)
result = trainer.train(dataset)
# Issues ResourceWarning if model has >1B parameters
""",
    "instruction": """\
from finetune_cli.trainers import InstructionTrainer, format_instruction_dataset
from datasets import Dataset

# Format raw alpaca-style data
raw = Dataset.from_list([
    {"instruction": "Explain X.", "input": "", "response": "X is ..."},
])
formatted = format_instruction_dataset(raw)
# formatted has a single "text" column with the alpaca prompt template

# Or pass raw data directly — InstructionTrainer formats automatically
trainer = InstructionTrainer(model, tokenizer, training_config, lora_config)
result = trainer.train(raw)  # formats then trains
""",
}
COMMANDS = {
    "merge": """\
finetune-cli merge ./outputs/gpt2_lora ./outputs/gpt2_merged \\
  --base-model gpt2 --dtype float16
""",
    "recommend": """\
finetune-cli recommend gpt2 --output my_config.yaml
finetune-cli train --config my_config.yaml
""",
}
OPTIONS = {
    "train": "--config -c,--model -m,--dataset -d,--hf-dataset,--output -o,--method,--lora-r,--lora-alpha,--epochs -e,"
    "--batch-size -b,--lr,--max-length,--4bit,--fp16",
    "merge": "--base-model -b,--dtype",
    "recommend": "--dataset -d,--output -o,--vram",
    "upload": "--token -t,--private,--message -m,--merge-adapter,--base-model",
}
ARGUMENTS = {
    "merge": ["adapter_dir", "output_dir"],
    "recommend": ["model"],
    "upload": ["model_path", "repo_id"],
    "train": [],
}


def pairs(count: int) -> list[dict[str, Any]]:
    chats = [row["messages"] for row in order_rows(count)]
    return [{"instruction": chat[0]["content"], "input": "", "response": chat[1]["content"]} for chat in chats]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with everything the page takes for granted."""
    shutil.copytree(Path(str(files("forgelm.model") / "ember")), tmp_path / "gpt2")
    write_rows(tmp_path / "data.jsonl", pairs(24))
    (tmp_path / "data").mkdir()
    write_rows(tmp_path / "data" / "train.jsonl", pairs(24))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names(page: Path) -> Iterator[dict[str, Any]]:
    """What the blocks before have left behind."""
    found: dict[str, Any] = {"Path": Path, "PipelineConfig": PipelineConfig}
    exec(BLOCKS["build"], found)
    config = found["config"]
    config.to_yaml(Path("config.yaml"))
    config.to_json(Path("config.json"))
    found["model"], found["tokenizer"] = load_model_and_tokenizer(config.model.to_config())
    found["dataset_config"], found["tokenization_config"] = config.dataset.to_config(), config.tokenization.to_config()
    found["training_config"], found["lora_config"] = config.training.to_config(), config.lora.to_config()
    found["dataset"] = quick_load("./data.jsonl", found["tokenizer"], max_length=128)
    yield found


def test_the_configuration_is_built_read_and_written(names: dict[str, Any]) -> None:
    config = names["config"]
    assert isinstance(config, PipelineConfig)
    assert (config.training.num_epochs, config.lora.lora_alpha, config.dataset.max_samples) == (3, 32, 1000)
    exec(BLOCKS["files"], names)
    assert names["config"] == config


def test_the_data_is_loaded_prepared_and_saved(names: dict[str, Any]) -> None:
    exec(BLOCKS["quick_load"], names)
    assert isinstance(names["dataset"], Dataset)
    assert {"input_ids", "attention_mask", "labels"} == set(names["dataset"].column_names)
    exec(BLOCKS["prepare"], names)
    assert isinstance(names["result"], DatasetDict)
    assert len(names["result"]["train"]) + len(names["result"]["validation"]) == 24
    exec(BLOCKS["pipeline"], names)
    assert names["stats"]["num_samples"] == 24 and names["stats"]["avg_words"] > 0
    assert Path("data/processed").is_dir()


def test_a_model_is_loaded_trained_and_compared(names: dict[str, Any]) -> None:
    exec(BLOCKS["load"], names)
    exec(BLOCKS["train"], names)
    result = names["result"]
    assert isinstance(result, TrainingResult)
    assert (result.output_dir, result.steps_completed) == (Path("output"), 6)
    assert result.train_loss > 0 and result.elapsed_seconds > 0
    assert (result.output_dir / "adapter_config.json").is_file()
    base, tokenizer = load_model_and_tokenizer(names["config"].model.to_config())
    names |= {"base_model": base, "ft_model": names["model"], "dataset": names["dataset"].select(range(4))}
    exec(BLOCKS["benchmark"], names)
    assert set(names["result"].scores) == {"rougeL", "bleu"} == set(names["report"].improvements)
    assert "rougeL" in names["report"].summary()
    assert tokenizer.pad_token_id is not None


def test_a_trainer_is_used_directly(names: dict[str, Any]) -> None:
    exec(BLOCKS["direct"], names)
    assert (names["result"].output_dir / "adapter_model.safetensors").is_file()


def test_all_weights_are_trained(names: dict[str, Any]) -> None:
    exec(BLOCKS["full"], names)
    assert (names["result"].output_dir / "model.safetensors").is_file()


def test_instructions_are_trained(names: dict[str, Any]) -> None:
    exec(BLOCKS["instruction"], names)
    assert names["formatted"].column_names == ["text"]
    assert "### Instruction:\nExplain X." in names["formatted"][0]["text"]
    assert (names["result"].output_dir / "adapter_model.safetensors").is_file()


def test_the_exceptions_are_there_and_one_family() -> None:
    found: dict[str, Any] = {}
    exec(BLOCKS["exceptions"], found)
    imported = re.findall(r"^    (\w+),", BLOCKS["exceptions"], re.MULTILINE)
    assert len(imported) == 8
    assert all(issubclass(found[name], FineTuneError) and found[name] is getattr(exceptions, name) for name in imported)


def lines_of(block: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_merge_command(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(BLOCKS["direct"], names)
    Path("outputs").mkdir()
    Path("output").rename("outputs/gpt2_lora")
    (line,) = lines_of(COMMANDS["merge"])
    assert run(line) == 0
    assert json.loads(Path("outputs/gpt2_merged/config.json").read_text())["dtype"] == "float16"
    assert "Merged" in capsys.readouterr().out


def test_the_recommend_and_train_commands(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in lines_of(COMMANDS["recommend"]):
        assert run(line) == 0
    assert (page / "output" / "final_model" / "config.json").is_file() or (
        page / "output" / "final_model" / "adapter_config.json"
    ).is_file()
    assert "Training complete" in capsys.readouterr().out


@pytest.mark.parametrize("command", OPTIONS)
def test_the_options_and_arguments_of_a_command(command: str) -> None:
    with finetune_cli.make_context("finetune-cli", [command]) as context:
        found = finetune_cli.get_command(context, command)
    assert found is not None
    spelt = {frozenset(one.opts) for one in found.params if isinstance(one, click.Option)}
    assert {frozenset(words.split()) for words in OPTIONS[command].split(",")} <= spelt
    assert [one.name for one in found.params if isinstance(one, click.Argument)] == ARGUMENTS[command]
