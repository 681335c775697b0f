"""The part of a run that every process but the first takes: data, model and training, and nothing that is written."""

from __future__ import annotations

from typing import Any

from forgelm.base.events import emit_nothing
from forgelm.base.network import private
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.run.result import TrainResult
from forgelm.run.stop import StopRequest
from forgelm.train.loop import Wishes, check_checkpoint, train
from forgelm.train.processes import Processes
from forgelm.train.tokenised import tokenise_data


def follow_run(config: ForgeConfig, processes: Processes, stop: StopRequest) -> TrainResult:
    """Train along with the first process and return once the training is over; the verdict is that process's.

    Raises:
        ConfigError: configuration, data or model cannot be used on this machine.
        TrainingError: training failed, or another process was lost.
        StoppedError: a stop was asked for in any process.
    """
    with private(offline=config.model.offline):
        found, run_id = processes.tell(_only_the_first_knows)
        prepared = prepare_run(config)
        loaded = load(config)
        tokenised = tokenise_data(config, prepared, loaded.reader, loaded.model.generation_config)
        if found.path is not None:
            check_checkpoint(config, tokenised, loaded, found.path)
        wishes = Wishes(found.path, found.skipped, stop.asked, processes)
        train(config, tokenised, loaded, run_files(config), run_id=run_id, emit=emit_nothing, wishes=wishes)
    return TrainResult(success=True, run_id=run_id, config_hash=config.config_hash, decided_elsewhere=True)


def _only_the_first_knows() -> Any:
    raise AssertionError("only the first process is asked")
