"""The library's entry point to a run."""

from __future__ import annotations

from forgelm.base.events import Emit, emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest


class ForgeTrainer:
    """Trains, judges and documents one model from a configuration. Constructing it is cheap.

    ``listen`` is called with every event of the run (``forgelm.base.events.Event``), progress included.
    """

    def __init__(self, config: ForgeConfig, *, listen: Emit = emit_nothing) -> None:
        self.config = config
        self._listen = listen
        self._stop = StopRequest()

    def train(self, resume_from_checkpoint: str | None = None) -> TrainResult:
        """Run the configured fine-tune and return its result. A refused model is a result, not an exception.

        ``resume_from_checkpoint`` is a checkpoint's path, or ``"auto"`` for the newest valid one.

        Raises:
            ConfigError: the configuration, the data or the model cannot be used.
            RuntimeError: training failed (``TrainingError``: the loss is not finite, or memory ran out).
            OSError: something could not be written.
            StoppedError: ``stop`` was called.
        """
        return run_single(self.config, resume=resume_from_checkpoint, listen=self._listen, stop=self._stop)

    def stop(self) -> None:
        """Ask a running ``train`` to save a checkpoint and stop. Safe from any thread or signal handler."""
        self._stop.ask()
