"""What every trainer returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TrainingResult:
    """``train_loss`` is the mean over the run in nats per token; ``steps_completed`` counts optimizer steps.

    ``eval_loss`` is the last measured on the way, ``None`` where nothing was; ``trainer_logs`` are the losses by step.
    """

    output_dir: Path
    train_loss: float
    steps_completed: int
    elapsed_seconds: float
    eval_loss: float | None = None
    epochs_completed: int = 0
    trainer_logs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
