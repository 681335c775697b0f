"""Every field of ``model``, ``lora`` and ``distributed`` has a test in which its value changes what happens.

Or in which it is refused with a reason; ``docs/shown_by.yaml`` names it. That none of ``training`` is ignored stands in
``train/test_arguments.py``; that TRL heeds what it is given is shown here, in trainings of a few steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from compatibility import load_links
from pages import ROOT
from pydantic import BaseModel
from support import Heard, ember_tokenizer, order_rows, sections, write_rows

from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.distributed import DistributedConfig
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.moe import MoeConfig
from forgelm.config.multimodal import MultimodalConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import train
from forgelm.train.tokenised import tokenise_data

SECTIONS: MappingProxyType[str, type[BaseModel]] = MappingProxyType(
    {
        "model": ModelConfig,
        "model.moe": MoeConfig,
        "model.multimodal": MultimodalConfig,
        "lora": LoraConfig,
        "distributed": DistributedConfig,
    }
)


FIELDS = tuple(f"{name}.{field}" for name, section in SECTIONS.items() for field in section.model_fields)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_test_that_speaks_of_it(field: str) -> None:
    name = load_links()["field"][field].partition("::")[0]
    assert field.rpartition(".")[2] in (ROOT / "tests" / name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Trained:
    """What is left of a training."""

    weights: str
    steps: int
    checkpoints: tuple[str, ...]
    files: frozenset[str]
    evaluations: int
    reports: int


@dataclass(frozen=True)
class Trainings:
    """Trains a model of one layer on 22 rows, which takes half a second."""

    folder: Path

    @cache  # noqa: B019 - one for the module, and its folder goes with it
    def train(self, **training: Any) -> Trained:
        trainer = training.get("trainer_type", "sft")
        root = self.folder / f"run-{len(list(self.folder.glob('run-*')))}"
        steps = {"max_steps": 2, "per_device_train_batch_size": 4, "logging_steps": 1}
        grpo = {"grpo_rewards": ["length"], "grpo_max_completion_length": 8} if trainer == "grpo" else {}
        config = ForgeConfig(
            **sections(
                self.folder / ("chats.jsonl" if trainer == "sft" else "pairs.jsonl"),
                root,
                model={"name_or_path": str(self.folder / "model")},
                lora={"r": 2} if training.get("grpo_beta") is not None else None,
                training={**steps, **grpo, **training},
            )
        )
        loaded, files, heard = load(config), run_files(config), Heard()
        data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
        outcome = train(config, data, loaded, files, run_id="x", emit=heard)
        (weights,) = files.staging("x").glob("*model.safetensors")
        told = [fields for event, fields in heard.events if event is Event.PROGRESS]
        return Trained(
            weights=sha256_file(weights),
            steps=outcome.steps,
            checkpoints=tuple(sorted(path.name for path in root.glob("checkpoint-*"))),
            files=frozenset(path.name.partition(".")[0] for path in root.rglob("*")),
            evaluations=sum("eval_loss" in fields for fields in told),
            reports=sum("loss" in fields for fields in told),
        )


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder, tokenizer, rows = tmp_path_factory.mktemp("fields"), ember_tokenizer(), order_rows(24)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_rows(folder / "chats.jsonl", rows)
    said = [(row["messages"][0]["content"], row["messages"][-1]["content"]) for row in rows]
    pairs = [{"prompt": ask, "chosen": reply, "rejected": f"no {ask}"} for ask, reply in said]
    write_rows(folder / "pairs.jsonl", pairs)
    return Trainings(folder)


def test_the_same_fields_give_the_same_weights(trainings: Trainings) -> None:
    for trainer in ("sft", "grpo"):
        assert trainings.train(trainer_type=trainer) == trainings.train(trainer_type=trainer, max_steps=2)


# field, another value than its default's, and what stands beside it in both trainings
LEARNT: list[tuple[str, Any, dict[str, Any]]] = [
    ("trainer_type", "orpo", {}),
    ("max_steps", 1, {}),
    ("num_train_epochs", 2, {"max_steps": -1, "per_device_train_batch_size": 16}),
    ("per_device_train_batch_size", 3, {}),
    ("gradient_accumulation_steps", 2, {}),
    ("learning_rate", 1e-3, {}),
    ("lr_scheduler_type", "cosine", {"max_steps": 4}),
    ("warmup_ratio", 1.0, {}),
    ("weight_decay", 0.5, {}),
    ("max_grad_norm", 1e-3, {}),
    ("optim", "adafactor", {}),
    ("seed", 7, {}),
    ("packing", True, {}),
    ("neftune_noise_alpha", 50.0, {}),
    ("orpo_beta", 0.9, {"trainer_type": "orpo"}),
    ("dpo_beta", 0.9, {"trainer_type": "dpo"}),
    ("loss_type", "hinge", {"trainer_type": "dpo"}),
    ("simpo_beta", 3.0, {"trainer_type": "simpo"}),
    ("simpo_gamma", 2.0, {"trainer_type": "simpo"}),
    ("label_smoothing", 0.2, {"trainer_type": "simpo"}),
    ("kto_beta", 0.9, {"trainer_type": "kto"}),
    ("desirable_weight", 2.0, {"trainer_type": "kto"}),
    ("undesirable_weight", 2.0, {"trainer_type": "kto"}),
    ("grpo_num_generations", 2, {"trainer_type": "grpo"}),
    ("grpo_max_completion_length", 4, {"trainer_type": "grpo"}),
    ("grpo_temperature", 0.5, {"trainer_type": "grpo"}),
    ("grpo_top_p", 0.5, {"trainer_type": "grpo"}),
    ("grpo_top_k", 5, {"trainer_type": "grpo"}),
    ("grpo_beta", 0.9, {"trainer_type": "grpo", "max_steps": 3}),
]


@pytest.mark.parametrize(
    ("field", "value", "beside"), LEARNT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_field_of_training_changes_what_is_learnt(
    trainings: Trainings, field: str, value: Any, beside: dict[str, Any]
) -> None:
    # The distance from the beginning is measured with an adapter: without a weight, and with one.
    usual = trainings.train(**beside, **({"grpo_beta": 0.0} if field == "grpo_beta" else {}))
    changed = trainings.train(**{**beside, field: value})
    assert changed.weights != usual.weights
    assert (changed.steps != usual.steps) == (field in ("max_steps", "num_train_epochs"))


# Not every save is measured, so the best is not sought among them: the newest stay.
OFTEN = {"max_steps": 4, "save_steps": 1, "eval_steps": 3}


def test_a_field_of_training_changes_what_is_measured_and_kept(trainings: Trainings) -> None:
    often = trainings.train(**OFTEN)
    assert often.checkpoints == ("checkpoint-2", "checkpoint-3", "checkpoint-4")
    assert trainings.train(**{**OFTEN, "save_total_limit": 1}).checkpoints == ("checkpoint-4",)
    assert trainings.train(**{**OFTEN, "save_steps": 2}).checkpoints == ("checkpoint-2", "checkpoint-4")
    other = {**OFTEN, "eval_steps": 1, "load_best_model_at_end": False, "logging_steps": 2, "report_to": "tensorboard"}
    told = trainings.train(**other)
    assert (often.evaluations, told.evaluations) == (2, 4)  # every third and at the end, and every one
    assert (often.reports, told.reports) == (4, 3)  # every step, and the first and every second
    assert ("events" in often.files, "events" in told.files) == (False, True)
