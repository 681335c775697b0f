"""A reference says the same of each row however many are asked together, and fewer are where memory runs out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from datasets import Dataset
from support import ember_model

from forgelm.base.errors import TrainingError
from forgelm.model.hardware import Hardware
from forgelm.train.compute import Meter
from forgelm.train.reference import ask_reference

LENGTHS = [7, 3, 9, 1, 5, 2, 8]


class Asked:
    """As much of a trainer as is asked: its answers name the row, and memory holds ``room`` rows."""

    def __init__(self, room: int) -> None:
        self.model, self.room, self.batches = ember_model(), room, list[list[int]]()

    def data_collator(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"size": torch.tensor([row["size"] for row in rows])}

    def compute_ref_log_probs(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
        assert model is self.model
        if len(batch["size"]) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append(batch["size"].tolist())
        return -batch["size"].float(), -2 * batch["size"].float()


def ask(trainer: Asked, rows: int) -> Any:
    meter = Meter(trainer.model, Hardware("cpu", bf16=False, fp16=False))
    return ask_reference(trainer, Dataset.from_dict({"size": LENGTHS}), LENGTHS, rows, meter)


@pytest.mark.parametrize(
    ("room", "batches"),
    [
        (4, [[1, 2, 3, 5], [7, 8, 9]]),
        (3, [[1, 2], [3, 5], [7, 8], [9]]),
        (1, [[1], [2], [3], [5], [7], [8], [9]]),
    ],
)
def test_rows_of_one_length_are_asked_together_as_many_as_fit(room: int, batches: list[list[int]]) -> None:
    trainer = Asked(room)
    found = ask(trainer, 4)
    assert trainer.batches == batches
    assert list(found["ref_chosen_logps"]) == [-float(length) for length in LENGTHS]
    assert list(found["ref_rejected_logps"]) == [-2.0 * length for length in LENGTHS]


def test_a_row_for_which_there_is_no_memory_ends_it() -> None:
    with pytest.raises(TrainingError, match="the reference is asked about one row of 1 tokens"):
        ask(Asked(0), 4)
