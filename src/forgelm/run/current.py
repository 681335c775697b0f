"""What every step of one run shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forgelm.base.events import Emit
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.run.stop import StopRequest
from forgelm.train.loop import Wishes


@dataclass(frozen=True)
class CurrentRun:
    """A run under way. ``checkpoint`` notes in the log how far it went, and returns that."""

    config: ForgeConfig
    files: RunFiles
    run_id: str
    emit: Emit
    wishes: Wishes
    stop: StopRequest
    checkpoint: Callable[[], Checkpoint]
