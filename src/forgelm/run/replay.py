"""Takes some steps of a training once more, from a checkpoint, and holds their losses against the recorded."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, StoppedError
from forgelm.base.events import emit_nothing
from forgelm.base.files import RunFiles
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import open_folder, run_files
from forgelm.train.checkpoints import find_checkpoint, list_checkpoints, step_of
from forgelm.train.loop import Wishes, check_checkpoint, train
from forgelm.train.losses import Losses, read_losses
from forgelm.train.seal import broken_seal
from forgelm.train.tokenised import tokenise_data

# Kernels of a GPU add numbers in varying order unless training.determinism is bitwise.
_GPU_LIMIT = 1e-2


@dataclass(frozen=True)
class Replayed:
    """One step: its loss as recorded and as it came out again."""

    step: int
    recorded: float
    replayed: float


@dataclass(frozen=True)
class Replay:
    """``limit`` is the largest relative difference that counts as the same; 0 means every bit."""

    checkpoint: str
    recorded_in: str
    steps: tuple[Replayed, ...]
    limit: float

    @property
    def largest_difference(self) -> float:
        """Relative to the recorded loss."""
        return max(abs(one.replayed - one.recorded) / max(abs(one.recorded), 1e-12) for one in self.steps)

    @property
    def same(self) -> bool:
        return self.largest_difference <= self.limit

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"largest_difference": self.largest_difference, "same": self.same}


def replay_run(config: ForgeConfig, *, checkpoint: str | None = None, steps: int = 10) -> Replay:
    """Continue from a checkpoint for ``steps`` steps and compare each loss with what a later checkpoint recorded.

    Without ``checkpoint`` it is the newest one that has as many recorded steps after it, else the oldest. Nothing in
    the run folder changes.

    Raises:
        ConfigError: there is nothing recorded after the checkpoint, or it belongs to another training.
    """
    if config.training.determinism == "off":
        raise ConfigError(
            "training.determinism is off: a continued training is another one, and there is nothing to compare",
            hint="train with determinism: seeded",
        )
    files = run_files(config)
    if not files.root.is_dir():
        raise ConfigError(f"there is no run in {files.root}")
    with private(offline=config.model.offline), open_folder(files):
        start, newest, recorded = _choose(files, checkpoint, steps)
        first = step_of(start)
        count = min(steps, len(recorded) - first)
        with tempfile.TemporaryDirectory(prefix="forgelm-replay-") as folder:
            again, exact = _train_on(config, start, first + count, Path(folder))
    pairs = zip(recorded[first : first + count], again[first : first + count], strict=True)
    compared = tuple(Replayed(first + n + 1, old, new) for n, (old, new) in enumerate(pairs))
    return Replay(start.name, newest.name, compared, 0.0 if exact else _GPU_LIMIT)


def _choose(files: RunFiles, named: str | None, steps: int) -> tuple[Path, Path, list[float]]:
    valid = [path for path in list_checkpoints(files.root) if broken_seal(path) is None]
    if not valid:
        raise ConfigError(f"there is no valid checkpoint in {files.root}")
    recorded = read_losses(valid[-1])
    if named is not None:
        start = find_checkpoint(files.root, named).path
        assert start is not None  # a named checkpoint is found or refused
    else:
        before = [path for path in valid if step_of(path) + steps <= len(recorded)]
        start = before[-1] if before else valid[0]
    if step_of(start) >= len(recorded):
        raise ConfigError(
            f"no step after {start.name} was recorded, so there is nothing to compare a replay with",
            hint="a training is verified from a checkpoint that is followed by another: lower training.save_steps, or "
            "raise save_total_limit",
        )
    return start, valid[-1], recorded


def _train_on(config: ForgeConfig, start: Path, last: int, folder: Path) -> tuple[list[float], bool]:
    """Return every step's loss up to ``last``, and whether they have to be the same to the bit."""
    prepared = prepare_run(config)
    loaded = load(config)
    tokenised = tokenise_data(config, prepared, loaded.reader, loaded.model.generation_config)
    check_checkpoint(config, tokenised, loaded, start)
    losses = Losses()

    def reached() -> bool:
        return losses.steps >= last

    elsewhere = config.replace("training.output_dir", str(folder))
    wishes = Wishes(start, stop_requested=reached, losses=losses)
    with contextlib.suppress(StoppedError):
        train(elsewhere, tokenised, loaded, run_files(elsewhere), run_id="replay", emit=emit_nothing, wishes=wishes)
    exact = not loaded.hardware.has_gpu or config.training.determinism == "bitwise"
    return losses.settle(), exact
