"""Other programs' configurations: what is carried over trains here, and nothing is left behind without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support import order_rows, write_rows

from forgelm.assist.migrate.migrate import PROGRAMS, detect_program, migrate, read_foreign, render_migration
from forgelm.assist.migrate.mover import Mover, names_of, share_of_rows, target_modules, whole_epochs
from forgelm.base.errors import ConfigError
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.run.single import run_single

AXOLOTL: dict[str, Any] = {
    "base_model": "org/base",
    "revision_of_model": "v1",
    "load_in_4bit": True,
    "adapter": "qlora",
    "lora_r": 32,
    "lora_alpha": 16,
    "lora_dropout": 0.05,
    "lora_target_linear": True,
    "datasets": [
        {"path": "a.jsonl", "type": "alpaca", "shards": 4},
        {"path": "org/b", "type": "alpaca"},
    ],
    "sequence_len": 4096,
    "sample_packing": True,
    "val_set_size": 0.05,
    "micro_batch_size": 2,
    "num_epochs": 3,
    "optimizer": "adamw_bnb_8bit",
    "lr_scheduler": "cosine",
    "learning_rate": 2e-4,
    "bf16": "auto",
    "flash_attention": True,
    "gradient_checkpointing": True,
    "warmup_steps": 10,
    "wandb_project": "mine",
    "train_on_inputs": False,
    "something_new": 3,
}
LLAMA_FACTORY: dict[str, Any] = {
    "model_name_or_path": "org/base",
    "stage": "sft",
    "do_train": True,
    "finetuning_type": "lora",
    "lora_target": "all",
    "lora_rank": 16,
    "dataset": "identity,alpaca.json",
    "template": "llama3",
    "cutoff_len": 2048,
    "max_samples": 1000,
    "output_dir": "saves/out",
    "per_device_train_batch_size": 1,
    "learning_rate": "1.0e-4",
    "num_train_epochs": 3.0,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "bf16": True,
    "val_size": 0.1,
    "report_to": "none",
}
TRL: dict[str, Any] = {
    "model_name_or_path": "org/base",
    "dtype": "bfloat16",
    "use_peft": True,
    "lora_r": 8,
    "lora_target_modules": ["q_proj", "v_proj"],
    "dataset_name": "org/data",
    "max_length": 1024,
    "max_steps": 200,
    "warmup_steps": 20,
    "learning_rate": 1e-5,
    "report_to": ["wandb", "tensorboard"],
    "push_to_hub": True,
    "assistant_only_loss": True,
}
FINETUNE: dict[str, Any] = {
    "model": {"name": "org/base", "torch_dtype": "float32"},
    "dataset": {"source": "local_file", "path": "rows.jsonl", "max_samples": 500, "text_columns": ["body"]},
    "tokenization": {"max_length": 256, "padding": "max_length"},
    "training": {"method": "lora", "output_dir": "out", "num_epochs": 2, "save_strategy": "no"},
    "lora": {"r": 4, "target_modules": ["q_proj"]},
    "evaluation": {"metrics": ["bleu"]},
}


def left(made: Any) -> dict[str, str]:
    return {one.key: one.reason for one in made.left_out}


def test_axolotl() -> None:
    made = migrate(AXOLOTL)
    config = ForgeConfig(**made.sections)
    assert (config.model.name_or_path, config.model.revision, config.model.max_length) == ("org/base", "v1", 4096)
    assert config.model.load_in_4bit and config.model.attn_implementation == "flash_attention_2"
    assert config.lora is not None
    assert (config.lora.r, config.lora.alpha, config.lora.target_modules) == (32, 16, "all-linear")
    assert (config.data.dataset_name_or_path, config.data.extra_datasets) == ("a.jsonl", ["org/b"])
    assert (config.data.format, config.data.validation_split_ratio) == ("alpaca", 0.05)
    training = config.training
    assert (training.per_device_train_batch_size, training.num_train_epochs, training.packing) == (2, 3, True)
    assert (training.optim, training.lr_scheduler_type, training.report_to) == ("adamw_bnb_8bit", "cosine", "wandb")
    assert training.bf16 is None
    assert set(left(made)) == {"datasets[0].shards", "warmup_steps", "wandb_project", "something_new"}


def test_axolotl_without_an_adapter_and_with_preferences() -> None:
    plain = {key: value for key, value in AXOLOTL.items() if key not in ("adapter", "load_in_4bit", "rl")}
    assert ForgeConfig(**migrate(plain).sections).lora is None
    preferences = {**AXOLOTL, "rl": "dpo", "rl_beta": 0.3, "datasets": [{"path": "p.jsonl", "type": "chatml.intel"}]}
    made = migrate(preferences)
    config = ForgeConfig(**made.sections)
    assert (config.training.trainer_type, config.training.dpo_beta) == ("dpo", 0.3)
    assert "datasets[0].type" in left(made)
    assert "rl" in left(migrate({**AXOLOTL, "rl": "ppo"}))


def test_llama_factory() -> None:
    made = migrate(LLAMA_FACTORY)
    config = ForgeConfig(**made.sections)
    assert config.lora is not None
    assert (config.lora.r, config.lora.alpha, config.lora.target_modules) == (16, 32, "all-linear")
    assert (config.model.max_length, config.model.load_in_4bit) == (2048, False)
    assert (config.training.learning_rate, config.training.num_train_epochs, config.training.bf16) == (1e-4, 3, True)
    assert config.data.extra_datasets == ["alpaca.json"]
    assert set(left(made)) == {"do_train", "template", "max_samples"}
    assert any("identity" in note and "alpaca.json" not in note for note in made.notes)


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"stage": "dpo", "pref_loss": "simpo", "pref_beta": 2.5}, "training.trainer_type", "simpo"),
        ({"stage": "dpo", "pref_loss": "ipo", "pref_beta": 0.2}, "training.loss_type", "ipo"),
        ({"stage": "pt"}, "data.format", "text"),
        ({"quantization_bit": 4}, "model.load_in_4bit", True),
        ({"use_dora": True}, "lora.method", "dora"),
        ({"flash_attn": "fa2"}, "model.attn_implementation", "flash_attention_2"),
        ({"train_on_prompt": True}, "training.completion_only_loss", False),
        ({"lora_target": "q_proj, v_proj"}, "lora.target_modules", ["q_proj", "v_proj"]),
    ],
)
def test_llama_factory_key_by_key(changes: dict[str, Any], path: str, value: Any) -> None:
    config = ForgeConfig(**migrate(LLAMA_FACTORY | changes).sections)
    section, _, name = path.partition(".")
    assert getattr(getattr(config, section), name) == value


def test_trl() -> None:
    made = migrate(TRL)
    config = ForgeConfig(**made.sections)
    assert config.lora is not None and config.lora.target_modules == ["q_proj", "v_proj"]
    assert (config.model.dtype, config.model.max_length) == ("bfloat16", 1024)
    assert (config.training.max_steps, config.training.warmup_ratio) == (200, 0.1)
    assert (config.training.report_to, config.training.assistant_only_loss) == ("wandb", True)
    assert set(left(made)) == {"report_to", "push_to_hub"}
    assert ForgeConfig(**migrate({**TRL, "use_peft": False}).sections).lora is None
    preference = ForgeConfig(**migrate({**TRL, "beta": 0.3, "loss_type": ["hinge"]}, "trl", trainer="dpo").sections)
    assert (preference.training.dpo_beta, preference.training.loss_type) == (0.3, "hinge")


def test_finetune_cli_with_its_own_defaults() -> None:
    made = migrate(FINETUNE)
    config = ForgeConfig(**made.sections)
    assert config.lora is not None
    assert (config.lora.r, config.lora.alpha, config.lora.target_modules) == (4, 32, ["q_proj"])
    assert (config.model.max_length, config.model.dtype) == (256, "float32")
    training = config.training
    assert (training.learning_rate, training.lr_scheduler_type) == (2e-4, "cosine")
    assert (training.gradient_accumulation_steps, training.num_train_epochs) == (4, 2)
    assert (config.data.format, config.data.columns) == ("text", {"text": "body"})
    assert set(left(made)) == {"dataset.max_samples", "evaluation.metrics"}
    full = {**FINETUNE, "training": {**FINETUNE["training"], "method": "full_finetuning"}, "lora": None}
    assert ForgeConfig(**migrate(full).sections).lora is None


@pytest.mark.parametrize(
    ("values", "program"),
    [(AXOLOTL, "axolotl"), (LLAMA_FACTORY, "llama_factory"), (TRL, "trl"), (FINETUNE, "finetune_cli")],
)
def test_whose_a_configuration_is(values: dict[str, Any], program: str) -> None:
    assert detect_program(values) == program
    assert program in PROGRAMS


# What these say is what happens anyway.
SAYS_NOTHING = {"train_on_inputs", "bf16", "stage", "padding", "source", "finetuning_type", "lora_target"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_key_is_ignored(program: str) -> None:
    """Each key changes what comes out, as a value or as a name in the list of what was left out."""
    values = {"axolotl": AXOLOTL, "llama_factory": LLAMA_FACTORY, "trl": TRL, "finetune_cli": FINETUNE}[program]
    whole = migrate(values, program)
    for key, value in values.items():
        for inner in value if program == "finetune_cli" else [None]:
            fewer = {name: item for name, item in values.items() if name != key}
            if inner is not None:
                fewer[key] = {name: item for name, item in value.items() if name != inner}
            if (inner or key) in SAYS_NOTHING:
                continue
            try:
                assert migrate(fewer, program) != whole, (key, inner)
            except ConfigError as error:
                assert "missing" in str(error), (key, inner)


def test_what_is_written_loads_and_trains(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", order_rows(40))
    values = {
        "model_name_or_path": "builtin/ember",
        "use_peft": True,
        "dataset_name": str(rows),
        "max_length": 128,
        "output_dir": str(tmp_path / "run"),
        "num_train_epochs": 1,
        "learning_rate": 5e-3,
        "report_to": "none",
        "hub_model_id": "me/it",
    }
    (tmp_path / "trl.yaml").write_text(yaml.safe_dump(values))
    made = migrate(read_foreign(tmp_path / "trl.yaml"))
    text = render_migration(made, str(tmp_path / "trl.yaml"))
    assert text.startswith("# From trl.yaml, a configuration of TRL.") and "#   hub_model_id: " in text
    (tmp_path / "run.yaml").write_text(text)
    assert run_single(load_config(tmp_path / "run.yaml")).success


def test_what_cannot_be_migrated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be told"):
        migrate({"a": 1})
    with pytest.raises(ConfigError, match="of forgelm already"):
        migrate({"model": {}, "training": {}, "data": {}})
    with pytest.raises(ConfigError, match="no program"):
        migrate({"a": 1}, "other")
    with pytest.raises(ConfigError, match="no trainer"):
        migrate(TRL, "trl", trainer="ppo")
    with pytest.raises(ConfigError, match=r"lora\.r"):
        migrate({**TRL, "lora_r": 0})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_foreign(tmp_path / "absent.yaml")
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(ConfigError, match="a mapping"):
        read_foreign(tmp_path / "empty.yaml")


def test_the_small_readings() -> None:
    assert [whole_epochs(value) for value in (3, 3.0, "2", 1.5, 0, "x")] == [3, 3, 2, None, None, None]
    assert names_of(" a, b,") == ["a", "b"] and names_of(["a"]) == ["a"]
    assert target_modules("all") == "all-linear" and target_modules("a,b") == ["a", "b"]
    assert [share_of_rows(value) for value in (0.1, 0, 100, "x")] == [0.1, None, None, None]
    mover = Mover({"a": None, "b": "", "c": False, "d": 1})
    mover.drop("c", "off")
    assert [one.key for one in mover.finish("x").left_out] == ["d"]
