"""Every step has one loss, the sum of its micro-batches' shares, and continues where a checkpoint left off."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from forgelm.base.processes import Place
from forgelm.train.losses import Losses, read_losses
from forgelm.train.processes import Processes


def test_micro_batches_add_up_to_a_step(tmp_path: Path) -> None:
    losses = Losses()
    for step, share in ((0, 1.0), (0, 0.5), (1, 2.0)):
        losses.add(step, torch.tensor(share, requires_grad=True))
    assert losses.steps == 2
    assert losses.settle() == [1.5, 2.0]
    losses.write(tmp_path)
    continued = Losses()
    continued.add(7, torch.tensor(9.0))
    continued.begin(tmp_path)
    continued.add(2, torch.tensor(0.25))
    assert continued.settle() == [1.5, 2.0, 0.25]
    continued.begin(None)
    assert (continued.steps, continued.settle()) == (0, [])
    assert (read_losses(tmp_path), read_losses(tmp_path / "nowhere")) == ([1.5, 2.0], [])


class Two(Processes):
    def gather(self, value: list[float]) -> list[list[float]]:  # type: ignore[override]
        return [value, [3 * one for one in value]]


def test_a_step_s_loss_is_the_mean_over_the_processes() -> None:
    losses = Losses(Two(Place(0, 2, 0)))
    losses.add(0, torch.tensor(1.0))
    assert losses.settle() == pytest.approx([2.0])
