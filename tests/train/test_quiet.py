"""A step's randomness is its own, KTO's mismatched replies are the batch's, and TRL's copy of the adapter goes."""

from __future__ import annotations

from typing import Any

import torch
from support import ember_model

from forgelm.config.model import LoraConfig
from forgelm.model.adapters import attach_adapter
from forgelm.model.hardware import Hardware
from forgelm.train.compute import Meter
from forgelm.train.quiet import Ways, drop_reference_adapter, pair_within_batch, quieten


class Base:
    """As much of a trainer as a step needs: what it draws."""

    def __init__(self, seed: int, step: int) -> None:
        self.args = type("Args", (), {"seed": seed})()
        self.state = type("State", (), {"global_step": step})()

    def training_step(self) -> torch.Tensor:
        return torch.rand(())


def drawn(seed: int, step: int, count: int, *, seeded: bool = True) -> list[float]:
    meter = Meter(ember_model(), Hardware("cpu", bf16=False, fp16=False))
    trainer = quieten(Base, Ways(meter, "random", seeded=seeded))(seed, step)
    return [float(trainer.training_step()) for _ in range(count)]


def test_what_a_step_draws_depends_on_seed_step_and_micro_batch_alone() -> None:
    torch.manual_seed(1)
    first = drawn(42, 7, 3)
    torch.manual_seed(2)
    assert drawn(42, 7, 3) == first
    assert len({*first, *drawn(42, 8, 3), *drawn(43, 7, 3)}) == 9
    assert drawn(42, 7, 3, seeded=False) != drawn(42, 7, 3, seeded=False)


def test_a_rows_length_is_its_prompt_and_the_longer_reply() -> None:
    meter = Meter(ember_model(), Hardware("cpu", bf16=False, fp16=False))
    rows = {"prompt_ids": [[1], [1, 2]], "chosen_ids": [[1, 2], []], "rejected_ids": [[], [1, 2, 3]]}
    ways = Ways(meter, "random", length_columns=(("prompt_ids",), ("chosen_ids", "rejected_ids")))
    assert ways.lengths(rows) == [3, 5]
    assert Ways(meter, "random").lengths([{}, {}]) == [1, 1]


def test_each_row_is_paired_with_its_neighbours_reply() -> None:
    seen: list[dict[str, Any]] = []

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        seen.extend(rows)
        return {}

    pair_within_batch(collate)([{"completion_ids": [n]} for n in (1, 2, 3)])
    assert [row["KL_completion_ids"] for row in seen] == [[3], [1], [2]]


def test_only_the_copy_of_the_adapter_is_dropped() -> None:
    model = attach_adapter(ember_model(), LoraConfig(), quantised=False, gradient_checkpointing=False)
    names = [name for name, _ in model.named_parameters()]
    model.add_adapter("ref", model.peft_config["default"])
    drop_reference_adapter(model)
    drop_reference_adapter(model)
    drop_reference_adapter(ember_model())
    assert [name for name, _ in model.named_parameters()] == names
    assert [name for name, weight in model.named_parameters() if weight.requires_grad]
