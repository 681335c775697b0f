"""Trains a loaded model on prepared rows and saves the result to staging. It never decides whether it is good."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import StoppedError, TrainingError
from forgelm.base.events import Emit, Event
from forgelm.base.extras import load_extra
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.data.batching import Batching
from forgelm.model.load import LoadedModel, load_base
from forgelm.train.arguments import Plan, build_arguments, keeps_best
from forgelm.train.batching import Settled, inherit_choices, read_training, settle_batching
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.compute import Compute, Meter
from forgelm.train.determinism import determinism
from forgelm.train.distributed import gather_weights, sharding_arguments
from forgelm.train.doctor import Doctor
from forgelm.train.galore import check_galore_resume, galore_optimizers
from forgelm.train.identity import describe_training
from forgelm.train.listeners import Evaluations, FiniteLoss, Progress, StopOnRequest
from forgelm.train.losses import Losses
from forgelm.train.memory.probe import Probe, Probed, open_probe
from forgelm.train.memory.recovery import BatchPlan, Recovery, choose_recovery, run_recovering
from forgelm.train.probe import choose_probe, probe_logits
from forgelm.train.processes import Processes, lost_process
from forgelm.train.quiet import COUNTS, Ways
from forgelm.train.samples import Samples, choose_samples
from forgelm.train.save import keep_pissa_start, save_model
from forgelm.train.scenes import SceneCollator
from forgelm.train.seal import check_identity
from forgelm.train.speedups import check_speedups
from forgelm.train.token_ledger import TokenLedger
from forgelm.train.tokenise import Example
from forgelm.train.tokenised import TokenisedData
from forgelm.train.trainers import TRAINERS, build_trainer, choose_kind


@dataclass(frozen=True)
class Outcome:
    """What training left behind. Seconds are wall-clock; logits are the model's own just before it was saved."""

    staging: Path
    steps: int
    train_loss: float
    seconds: float
    resumed_from: str | None
    keeps_best: bool
    train_ledger: TokenLedger
    validation_ledger: TokenLedger | None
    probe: tuple[Example, ...] = field(repr=False)
    base_logits: list[Any] = field(repr=False)
    trained_logits: list[Any] = field(repr=False)
    compute: Compute
    batching: Batching
    peak_vram_gb: float | None = None
    batch: BatchPlan | None = None
    probed: Probed | None = None


@dataclass(frozen=True)
class Instruments:
    """What watches a training from inside."""

    meter: Meter
    probe: Probe | None = None


@dataclass(frozen=True)
class Wishes:
    """What the caller of a training asks for besides the configuration."""

    checkpoint: Path | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    stop_requested: Callable[[], bool] = lambda: False
    processes: Processes = field(default_factory=Processes)
    losses: Losses = field(default_factory=Losses)

    def stop_everywhere(self) -> bool:
        """Whether any process was asked to stop; all of them ask, after each step."""
        return self.processes.any(self.stop_requested())


def train(
    config: ForgeConfig,
    data: TokenisedData,
    loaded: LoadedModel,
    files: RunFiles,
    *,
    run_id: str,
    emit: Emit,
    wishes: Wishes | None = None,
) -> Outcome:
    """Run the configured trainer and save its model to ``files.staging(run_id)``.

    Raises:
        TrainingError: the loss became NaN or infinite, or the training library failed.
        StoppedError: a stop was asked for; a checkpoint was saved first.
        StorageError: a checkpoint or the model could not be written.
    """
    wishes = wishes or Wishes()
    checkpoint = wishes.checkpoint
    probe = choose_probe(data.train.examples)
    base_logits = probe_logits(loaded.model, probe)
    settled = settle_batching(config, loaded.model, data.train.examples, checkpoint)
    config = settled.config
    if wishes.processes.first:
        keep_pissa_start(loaded.model, config, resumed=checkpoint is not None)
    meter = _open_meter(loaded, checkpoint, wishes.processes)
    alone = wishes.processes.place.alone
    kind = TRAINERS[config.training.trainer_type]
    watch = open_probe(config, loaded, kind.lengths, emit)
    trainer, stopper, plan = _build(settled, data, loaded, files, emit, wishes, Instruments(meter, watch))
    emit(
        Event.TRAINING_STARTED,
        trainer_type=config.training.trainer_type,
        rows=plan.rows,
        batching=settled.batching.as_record(),
        **({"rewards": {reward.name: reward.source for reward in data.rewards}} if data.rewards else {}),
    )
    if checkpoint:
        skipped = [{"checkpoint": name, "reason": reason} for name, reason in wishes.skipped]
        emit(Event.TRAINING_RESUMED, checkpoint=checkpoint.name, skipped=skipped)
    began = time.monotonic()
    with determinism(config.training.determinism), galore_optimizers(config.training):
        batch = _run(trainer, checkpoint, choose_recovery(config.training, meter.rewind, alone=alone), emit)
    seconds = time.monotonic() - began
    if stopper.stopped:
        raise _stopped(files, int(trainer.state.global_step))
    trained_logits = probe_logits(trainer.model, probe)
    staging, weights = files.staging(run_id), gather_weights(trainer, wishes.processes)
    if wishes.processes.first:
        save_model(trainer.model, loaded, config, staging, weights)
    loss = meter.mean_loss(int(trainer.state.global_step))
    emit(Event.TRAINING_COMPLETED, steps=int(trainer.state.global_step), train_loss=loss)
    return Outcome(
        staging=staging,
        steps=int(trainer.state.global_step),
        train_loss=loss,
        seconds=seconds,
        resumed_from=checkpoint.name if checkpoint else None,
        keeps_best=keeps_best(config.training, plan),
        train_ledger=data.train.ledger,
        validation_ledger=data.validation.ledger if data.validation else None,
        probe=probe,
        base_logits=base_logits,
        trained_logits=trained_logits,
        compute=meter.finish(int(trainer.state.global_step)),
        batching=settled.batching,
        peak_vram_gb=_peak_vram_gb(loaded),
        batch=batch,
        probed=watch.found if watch else None,
    )


def check_checkpoint(config: ForgeConfig, data: TokenisedData, loaded: LoadedModel, checkpoint: Path) -> None:
    """Refuse a checkpoint of another training, before anything is measured or trained.

    Raises:
        ConfigError: it has another model, other data or other settings; the message names the differences.
    """
    check_galore_resume(config.training)
    saved = read_training(config, checkpoint)
    config = inherit_choices(config, checkpoint)
    check_identity(checkpoint.name, saved, describe_training(config, loaded, data.train.examples))


def _build(
    settled: Settled,
    data: TokenisedData,
    loaded: LoadedModel,
    files: RunFiles,
    emit: Emit,
    wishes: Wishes,
    instruments: Instruments,
) -> tuple[Any, StopOnRequest, Plan]:
    config = settled.config
    kind = choose_kind(config)
    check_speedups(config, loaded.hardware)
    plan = Plan(
        output_dir=str(files.root),
        rows=len(data.train.examples),
        has_validation=data.validation is not None,
        max_length=config.model.max_length,
        run_name=f"{Path(config.model.name_or_path).name}_finetune",
        hardware=loaded.hardware,
        precision=loaded.precision,
    )
    stopper = StopOnRequest(wishes.stop_everywhere)
    identity = describe_training(config, loaded, data.train.examples)
    wishes.processes.check_alike(identity)
    judges = _judges(config, data, loaded)
    if "ref_model" in judges:
        instruments.meter.follow(judges["ref_model"])
    trainer = build_trainer(
        kind,
        {
            **build_arguments(config.training, plan),
            **sharding_arguments(config.distributed),
            # TRL would drop the columns of rows with images that it does not know.
            **({"remove_unused_columns": False} if data.processing is not None else {}),
        },
        Ways(
            instruments.meter,
            settled.batching.order,
            identity=identity,
            seeded=config.training.determinism != "off",
            processes=wishes.processes,
            losses=_open_losses(wishes),
            samples=_open_samples(config, data, loaded, wishes),
            probe=instruments.probe,
            joins=settled.joins,
        ),
        listeners=(Progress(emit), Evaluations(config.training, plan), FiniteLoss(), _doctor(config, emit), stopper),
        patience=config.training.early_stopping_patience if keeps_best(config.training, plan) else None,
        model=loaded.model,
        processing_class=loaded.reader,
        train_dataset=kind.build_dataset(data.train.examples),
        eval_dataset=kind.build_dataset(data.validation.examples) if data.validation else None,
        **judges,
        **({"data_collator": SceneCollator(loaded.tokenizer.pad_token_id)} if data.processing is not None else {}),
    )
    return trainer, stopper, plan


def _open_losses(wishes: Wishes) -> Losses:
    losses = wishes.losses
    losses.processes = wishes.processes
    losses.begin(wishes.checkpoint)
    return losses


def _open_samples(config: ForgeConfig, data: TokenisedData, loaded: LoadedModel, wishes: Wishes) -> Samples:
    validation = data.validation.examples if data.validation else None
    samples = choose_samples(config.training, validation, loaded.tokenizer)
    if wishes.checkpoint is not None:
        samples.restore(wishes.checkpoint)
    return samples


def _doctor(config: ForgeConfig, emit: Emit) -> Doctor:
    training = config.training
    # A layerwise optimizer has used up each gradient before its norm could be taken.
    return Doctor(emit, training.trainer_type, training.stop_on, gradients=not training.galore_layerwise)


def _judges(config: ForgeConfig, data: TokenisedData, loaded: LoadedModel) -> dict[str, Any]:
    """Return what the objective compares with: rewards, or the model as it was, a copy only where all weights learn."""
    if data.rewards:
        return {"reward_funcs": [reward.score for reward in data.rewards]}
    kind = TRAINERS[config.training.trainer_type]
    if not kind.keeps_start or config.lora is not None or config.training.precompute_ref_log_probs:
        return {}
    return {"ref_model": load_base(config, loaded.revision, loaded.precision, loaded.hardware).eval()}


def _open_meter(loaded: LoadedModel, checkpoint: Path | None, processes: Processes) -> Meter:
    meter = Meter(loaded.model, loaded.hardware, processes=processes)
    if checkpoint is not None and (checkpoint / COUNTS).is_file():
        meter.restore(json.loads((checkpoint / COUNTS).read_bytes()))
    return meter


def _run(trainer: Any, checkpoint: Path | None, recovery: Recovery, emit: Emit) -> BatchPlan:
    try:
        with lost_process():
            return run_recovering(trainer, checkpoint, recovery, emit)
    except TrainingError:
        raise
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise TrainingError(
            f"this training cannot repeat itself bit by bit: {str(error).splitlines()[0]}",
            hint="set training.determinism: seeded, or leave the feature out whose operation has no repeatable form",
        ) from error


def _stopped(files: RunFiles, step: int) -> StoppedError:
    checkpoint = files.root / f"checkpoint-{step}"
    saved = checkpoint if checkpoint.is_dir() else next(reversed(list_checkpoints(files.root)), None)
    return StoppedError(
        f"stopped at step {step} as asked; the checkpoint is saved",
        checkpoint=str(saved) if saved else None,
        hint="run the same command with --resume to continue",
    )


def _peak_vram_gb(loaded: LoadedModel) -> float | None:
    if not loaded.hardware.has_gpu:
        return None
    torch = load_extra("torch", extra="train")
    return float(round(sum(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())) / 1e9, 3))
