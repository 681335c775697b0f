"""What the tests of a whole run share: small real data, configs for the bundled model, an ``Emit`` with a memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.model.parameters import Parameters
from forgelm.run.result import TrainResult
from forgelm.train.compute import Compute, Counts, Shape, build_compute
from forgelm.train.counters import Counters


def ember_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(files("forgelm.model") / "ember"))


def ember_model() -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(files("forgelm.model") / "ember"), dtype=torch.float32).eval()


def computed(steps: int = 1) -> Compute:
    """The record of a training of ``steps`` steps, ten tokens each, on a machine without a GPU."""
    tokens = 10 * steps
    counts = Counts(steps, steps, forward_positions=tokens, backward_positions=tokens, real_tokens=tokens)
    return build_compute(counts, Shape(Parameters(100, 10), 4), Counters(), gpu_names=(), steps=steps)


def order_rows(count: int) -> list[dict[str, Any]]:
    path = Path(str(files("forgelm.assist") / "orders" / "train.jsonl"))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:count]]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sections(rows: Path, output: Path, **changes: Any) -> dict[str, Any]:
    """A small SFT config on the bundled model; ``changes`` merge into its sections."""
    base: dict[str, Any] = {
        "model": {"name_or_path": "builtin/ember", "max_length": 256, "load_in_4bit": False, "offline": True},
        "lora": {"r": 8, "alpha": 16, "dropout": 0.0, "target_modules": "all-linear"},
        "training": {
            "output_dir": str(output),
            "trainer_type": "sft",
            "num_train_epochs": 1,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 1,
            "learning_rate": 5e-3,
            "report_to": "none",
        },
        "data": {"dataset_name_or_path": str(rows)},
    }
    for name, section in changes.items():
        base[name] = {**base[name], **section} if isinstance(base.get(name), dict) and section is not None else section
    return base


@dataclass
class Heard:
    """An ``Emit`` that remembers."""

    events: list[tuple[Event, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, event: Event, /, **fields: Any) -> None:
        self.events.append((event, fields))

    def fields(self, event: Event) -> dict[str, Any]:
        return next(fields for name, fields in self.events if name is event)

    def names(self) -> list[Event]:
        return [name for name, _ in self.events]


@dataclass(frozen=True)
class Finished:
    """One run that ended well, shared by every test that only looks at it."""

    config: ForgeConfig
    result: TrainResult
    heard: Heard
    root: Path
