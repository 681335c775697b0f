"""The configuration of a pipeline: what is accepted, what is refused and how it is said, and back to a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from finetune_cli.core import exceptions, sections, types
from finetune_cli.core.config import (
    ConfigBuilder,
    DatasetConfigModel,
    EvaluationConfigModel,
    LoRAConfigModel,
    ModelConfigModel,
    PipelineConfig,
    TokenizationConfigModel,
    TrainingConfigModel,
)
from finetune_cli.core.exceptions import (
    ConfigurationError,
    FineTuneError,
    IncompatibleConfigError,
    InvalidConfigError,
    MethodNotImplementedError,
    MissingConfigError,
)
from finetune_cli.core.translate import data_errors, model_errors, training_errors
from finetune_cli.core.types import DatasetSource, EvaluationMetric, TrainingMethod
from forgelm.base.errors import ConfigError, DataError, ModelError, StoppedError, StorageError, TrainingError

MODELS = (
    ModelConfigModel,
    DatasetConfigModel,
    TokenizationConfigModel,
    LoRAConfigModel,
    TrainingConfigModel,
    EvaluationConfigModel,
)


def values(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "model": {"name": "base"},
        "dataset": {"source": "local_file", "path": "rows.jsonl"},
        "tokenization": {},
        "training": {"method": "lora", "output_dir": "out"},
        "lora": {},
    }
    for name, section in changes.items():
        base[name] = {**(base.get(name) or {}), **section} if isinstance(section, dict) else section
    return base


def test_the_builder_makes_what_the_sections_say() -> None:
    built = (
        ConfigBuilder()
        .with_model("base", torch_dtype="float32")
        .with_dataset("rows.jsonl", DatasetSource.LOCAL_FILE, max_samples=10, text_columns=["a"], shuffle=False)
        .with_tokenization(max_length=64, truncation=False, padding="longest")
        .with_training(TrainingMethod.LORA, Path("out"), num_epochs=2, batch_size=1, learning_rate="1e-3")
        .with_lora(r=4, lora_alpha=8, lora_dropout=0.0, target_modules=["q_proj"])
        .with_evaluation([EvaluationMetric.BLEU, "rougeL"], batch_size=2, num_samples=5)
        .build()
    )
    assert built.training.learning_rate == 1e-3
    assert built.training.output_dir == "out"
    assert built.evaluation is not None
    assert built.evaluation.to_config().metrics == [EvaluationMetric.BLEU, EvaluationMetric.ROUGE_L]
    assert built.to_config()["dataset"].text_columns == ["a"]
    assert built == PipelineConfig.from_dict(built.to_dict())


def test_a_section_is_replaced_not_merged() -> None:
    builder = ConfigBuilder().with_lora(r=4).with_lora(lora_alpha=8).with_tokenization()
    built = builder.with_model("m").with_dataset("d").with_training("lora", "o").build()
    assert built.lora is not None and built.lora.r == 8


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_file_gives_back_what_was_written(suffix: str, tmp_path: Path) -> None:
    config = PipelineConfig.from_dict(values(evaluation={"metrics": ["rougeL"]}))
    path = tmp_path / "new" / f"config.{suffix}"
    getattr(config, f"to_{suffix}")(path)
    assert getattr(PipelineConfig, f"from_{suffix}")(path) == config
    assert getattr(PipelineConfig, f"from_{suffix}")(str(path)) == config


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.section)
def test_the_record_has_every_field_with_its_default(model: Any) -> None:
    fields = {field.name: field for field in dataclasses.fields(model.record)}
    assert set(fields) == set(model.model_fields)
    for name, field in fields.items():
        if field.default is not dataclasses.MISSING:
            assert model.model_fields[name].default == field.default, name


def test_a_record_is_frozen_and_paths_are_paths() -> None:
    record = TrainingConfigModel(method="lora", output_dir="~/out").to_config()
    assert record.output_dir == Path.home() / "out"
    assert ModelConfigModel(name="m", cache_dir="c").to_config().cache_dir == Path("c")
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.seed = 1


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"model": {"torch_dtype": "int8"}}, InvalidConfigError, r"model.torch_dtype: .*'float32'|float32"),
    ({"model": {"load_in_4bit": True, "load_in_8bit": True}}, IncompatibleConfigError, "load_in_4bit and load_in_8bit"),
    ({"model": {"device": "tpu"}}, InvalidConfigError, "model.device"),
    ({"model": {"name": ""}}, InvalidConfigError, "model.name"),
    ({"dataset": {"max_samples": -1}}, InvalidConfigError, "dataset.max_samples: must be at least 1"),
    ({"dataset": {"source": "cloud"}}, InvalidConfigError, "dataset.source"),
    ({"tokenization": {"max_length": 9000}}, InvalidConfigError, "tokenization.max_length: must be at most 8192"),
    ({"tokenization": {"padding": "left"}}, InvalidConfigError, "tokenization.padding"),
    ({"lora": {"r": 257}}, InvalidConfigError, "lora.r: must be at most 256"),
    ({"lora": {"lora_alpha": 0}}, InvalidConfigError, "lora.lora_alpha"),
    ({"lora": {"lora_dropout": 0.6}}, InvalidConfigError, "lora.lora_dropout"),
    ({"lora": {"bias": "some"}}, InvalidConfigError, "lora.bias"),
    ({"training": {"num_epochs": 0}}, InvalidConfigError, "training.num_epochs"),
    ({"training": {"learning_rate": 0}}, InvalidConfigError, "training.learning_rate: must be above 0"),
    ({"training": {"learning_rate": float("nan")}}, InvalidConfigError, "training.learning_rate"),
    ({"training": {"warmup_ratio": 5.0}}, InvalidConfigError, "training.warmup_ratio"),
    ({"training": {"save_strategy": "sometimes"}}, InvalidConfigError, "training.save_strategy"),
    ({"training": {"lr_scheduler_type": "cosin"}}, InvalidConfigError, "did you mean 'cosine'"),
    ({"training": {"max_grad_norm": 0}}, InvalidConfigError, "training.max_grad_norm"),
    ({"training": {"num_epochs": True}}, InvalidConfigError, "num_epochs: a number is needed, got true"),
    ({"training": {"fp16": True, "bf16": True}}, IncompatibleConfigError, "fp16 and bf16"),
    ({"training": {"load_best_model_at_end": True}}, IncompatibleConfigError, "every saved model measured"),
    ({"training": {"epochs": 3}}, InvalidConfigError, "training.epochs: unknown key .*'num_epochs'"),
    ({"trainin": {}}, InvalidConfigError, "trainin: unknown key .*'training'"),
    ({"lora": None}, MissingConfigError, "lora is missing"),
    ({"lora": None, "training": {"method": "instruction_tuning"}}, MissingConfigError, "lora is missing"),
    ({"training": {"method": "qlora"}}, IncompatibleConfigError, "load_in_4bit: true"),
    (
        {"training": {"method": "full_finetuning"}, "model": {"load_in_4bit": True}},
        IncompatibleConfigError,
        "full_finetuning",
    ),
    ({"evaluation": {"metrics": []}}, InvalidConfigError, "evaluation.metrics"),
    ({"evaluation": {"metrics": ["rouge9"]}}, InvalidConfigError, "evaluation.metrics"),
    ({"evaluation": {"metrics": ["bleu"], "generation_top_p": 1.5}}, InvalidConfigError, "generation_top_p"),
]


@pytest.mark.parametrize(("changes", "kind", "said"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_wrong_is_said_with_its_field(changes: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        PipelineConfig.from_dict(values(**changes))
    assert type(caught.value) is kind
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize("method", sorted(set(TrainingMethod) - set(types.SUPPORTED_METHODS)))
def test_methods_that_are_not_supported_are_refused_by_name(method: str) -> None:
    with pytest.raises(MethodNotImplementedError, match=f"{method} is not supported"):
        PipelineConfig.from_dict(values(training={"method": method}))


@pytest.mark.parametrize("section", ["model", "dataset", "tokenization", "training"])
def test_a_missing_section_is_named(section: str) -> None:
    given = values()
    del given[section]
    with pytest.raises(MissingConfigError, match=section):
        PipelineConfig.from_dict(given)
    with pytest.raises(InvalidConfigError, match="mapping"):
        PipelineConfig.from_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda text: text.replace("num_epochs: 3", "num_epochs: none"), InvalidConfigError, r"c.yaml:\d+:3: training"),
        (lambda text: text.replace("num_epochs:", "epochs:"), InvalidConfigError, r"c.yaml:\d+:3: .*num_epochs"),
        (lambda text: text.replace("  name: base\n", ""), MissingConfigError, r"c.yaml:1:1: model.name is missing"),
        (lambda text: "", InvalidConfigError, "the file is empty"),
        (lambda text: "- a", InvalidConfigError, "holds no sections"),
        (lambda text: "a: [", InvalidConfigError, "not valid YAML"),
        (lambda text: text + "model: {name: b}\n", InvalidConfigError, "there twice"),
        (lambda text: "a: !!python/object/apply:os.system [ls]", InvalidConfigError, r"c.yaml:1"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(
    change: Callable[[str], str], kind: type[Exception], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(change(yaml.safe_dump(PipelineConfig.from_dict(values()).to_dict(), sort_keys=False)))
    with pytest.raises(kind, match=said):
        PipelineConfig.from_yaml(path)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    for read in (PipelineConfig.from_yaml, PipelineConfig.from_json):
        with pytest.raises(InvalidConfigError, match="no such file"):
            read(tmp_path / "absent")
        with pytest.raises(InvalidConfigError, match="cannot be read"):
            read(tmp_path)
    (tmp_path / "c.json").write_bytes(b"\xff")
    with pytest.raises(InvalidConfigError, match="UTF-8"):
        PipelineConfig.from_json(tmp_path / "c.json")
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(InvalidConfigError, match="not a JSON document"):
        PipelineConfig.from_json(tmp_path / "c.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidConfigError, match="could not write"):
        PipelineConfig.from_dict(values()).to_yaml(tmp_path / "file" / "c.yaml")


def test_words_yaml_reads_as_other_things(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    text = yaml.safe_dump(values(training={"evaluation_strategy": False, "save_strategy": False}))
    path.write_text(text + "\n# and\n")
    read = PipelineConfig.from_yaml(path)
    assert (read.training.evaluation_strategy, read.training.save_strategy) == ("no", "no")


def test_every_exception_says_what_it_is_about() -> None:
    made: list[tuple[FineTuneError, type[FineTuneError], str]] = [
        (exceptions.InvalidConfigError("m"), ConfigurationError, "m"),
        (
            exceptions.MissingConfigError("lora", "PipelineConfig"),
            ConfigurationError,
            "PipelineConfig: lora is missing",
        ),
        (exceptions.IncompatibleConfigError("m", ["a", "b"]), ConfigurationError, "m"),
        (exceptions.ModelLoadError("n", "r"), exceptions.ModelError, "model n: r"),
        (exceptions.ModelNotFoundError("n"), exceptions.ModelLoadError, "model n"),
        (exceptions.UnsupportedModelError("n", "r"), exceptions.ModelError, "r"),
        (exceptions.CUDANotAvailableError(), exceptions.ModelError, "CUDA"),
        (exceptions.TargetModulesNotFoundError("n", ["x"]), exceptions.ModelError, "none of x"),
        (exceptions.DatasetLoadError("p", "r"), exceptions.DatasetError, "p: r"),
        (exceptions.DatasetNotFoundError("p"), exceptions.DatasetError, "p: there is no such"),
        (exceptions.NoTextColumnsError(["a"]), exceptions.DatasetError, "columns: a"),
        (exceptions.EmptyDatasetError("p"), exceptions.DatasetError, "p holds no rows"),
        (exceptions.TrainingError("lora", "r"), FineTuneError, "lora: r"),
        (exceptions.OutOfMemoryError(), exceptions.TrainingError, "memory"),
        (exceptions.NaNLossError(3), exceptions.TrainingError, "step 3"),
        (exceptions.CheckpointError("p", "r"), exceptions.TrainingError, "checkpoint p: r"),
        (exceptions.InsufficientVRAMError(10, 4), exceptions.TrainingError, "10 GB .* 4 GB"),
        (exceptions.MethodNotImplementedError("dpo"), FineTuneError, "dpo is not supported"),
        (exceptions.EvaluationError("m"), FineTuneError, "m"),
        (exceptions.MetricComputationError("bleu", "r"), exceptions.EvaluationError, "bleu: r"),
    ]
    for error, parent, said in made:
        assert isinstance(error, parent)
        with pytest.raises(FineTuneError, match=said):
            raise error
    tree = {kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, FineTuneError)}
    families = {FineTuneError, ConfigurationError, exceptions.ModelError, exceptions.DatasetError}
    assert tree - families == {type(error) for error, *_ in made}


@pytest.mark.parametrize(
    ("context", "raised", "kind"),
    [
        (data_errors("p"), DataError("p: holds no rows"), exceptions.EmptyDatasetError),
        (data_errors("p"), DataError("p:3: bad"), exceptions.DatasetLoadError),
        (model_errors("n"), ModelError("there is no model at 'n'"), exceptions.ModelNotFoundError),
        (model_errors("n"), ModelError("broken\nfile"), exceptions.ModelLoadError),
        (training_errors("lora"), TrainingError("out of memory while training"), exceptions.OutOfMemoryError),
        (training_errors("lora"), TrainingError("the loss is nan at step 7"), exceptions.NaNLossError),
        (training_errors("lora"), StorageError("could not write checkpoint-3"), exceptions.CheckpointError),
        (training_errors("lora"), TrainingError("else"), exceptions.TrainingError),
        (training_errors("lora"), ConfigError("config"), exceptions.ConfigurationError),
        (training_errors("lora"), ModelError("no"), exceptions.UnsupportedModelError),
        (training_errors("lora"), DataError("no"), exceptions.DatasetLoadError),
    ],
)
def test_what_the_engine_raises_becomes_ours(context: Any, raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, context:
        raise raised
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_stop_that_was_asked_for_is_no_failure() -> None:
    with pytest.raises(StoppedError), training_errors("lora"):
        raise StoppedError("stopped at step 2 as asked", checkpoint="checkpoint-2")


def test_every_enum_has_its_words() -> None:
    assert [metric.value for metric in EvaluationMetric] == [
        "rouge1",
        "rouge2",
        "rougeL",
        "bleu",
        "perplexity",
        "accuracy",
        "f1",
        "exact_match",
    ]
    assert len(TrainingMethod) == 21
    assert {word.value for word in types.FileFormat} == {"json", "jsonl", "csv", "parquet", "txt"}
    assert {word.value for word in types.DeviceType} == {"cpu", "cuda", "mps", "auto"}
    assert {word.value for word in types.LogLevel} == {"debug", "info", "warning", "error", "critical"}
    assert sections.When is not None
