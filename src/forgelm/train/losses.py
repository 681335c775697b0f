"""The loss of every optimizer step, kept in the checkpoints, so that a replay can be held against it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.files import to_json_safe, write_text
from forgelm.train.processes import Processes

LOSSES = "losses.json"


@dataclass
class Losses:
    """``values[n]`` is the loss of step n + 1: the mean over its micro-batches and over all processes."""

    processes: Processes = field(default_factory=Processes)
    values: list[float] = field(default_factory=list)
    # Losses that stay on the device: reading one after every pass would make the GPU wait.
    _late: list[tuple[int, Any]] = field(default_factory=list)

    def add(self, step: int, loss: Any) -> None:
        """Add the loss of one micro-batch of the step after ``step`` steps, divided by their number already."""
        if self._late and self._late[-1][0] == step:
            self._late[-1] = (step, self._late[-1][1] + loss.detach())
        else:
            self._late.append((step, loss.detach()))

    @property
    def steps(self) -> int:
        """Steps that have a loss, the one under way included."""
        return len(self.values) + len(self._late)

    def settle(self) -> list[float]:
        """Return every step's loss so far. Every process calls it."""
        for own in zip(*self.processes.gather([float(loss) for _, loss in self._late]), strict=True):
            self.values.append(sum(own) / self.processes.count)
        self._late.clear()
        return self.values

    def begin(self, checkpoint: Path | None) -> None:
        """Forget what was added, and continue the list that lies in ``checkpoint`` where there is one."""
        self._late.clear()
        self.values[:] = read_losses(checkpoint) if checkpoint is not None else []

    def write(self, folder: Path) -> None:
        write_text(folder / LOSSES, json.dumps(to_json_safe(self.values)))


def read_losses(checkpoint: Path) -> list[float]:
    """Return the losses of all steps up to ``checkpoint``; empty where it was written without them."""
    path = checkpoint / LOSSES
    found: list[float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found
