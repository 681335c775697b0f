"""The longest rows through a whole step before the first: too little memory shows now, and nothing is changed."""

from __future__ import annotations

import contextlib
import copy
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from forgelm.base.events import Emit, Event
from forgelm.base.extras import load_extra
from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.model.architecture import build_shapes
from forgelm.model.load import LoadedModel
from forgelm.train.memory.estimate import Batch, Place, estimate_memory, widen
from forgelm.train.memory.watch import watch_peak

logger = logging.getLogger(__name__)
# Optimizers whose step with a rate of zero and zero gradients leaves weights exactly as they are, and whose state is
# theirs alone: emptied, it is made anew in the first real step.
_UNDONE = ("AdamW", "Adam", "SGD", "Adagrad", "RMSprop", "Adafactor", "Lion", "AdEMAMix")
# What trainers of TRL add up for their reports.
_REPORTS = ("_metrics", "_total_train_tokens", "_stored_metrics")


@dataclass(frozen=True)
class Probed:
    """Bytes at the peak of the worst batch: estimated beforehand, and counted. ``skipped`` says what was not tried."""

    rows: int
    length: int
    predicted_bytes: int
    measured_bytes: int
    counted_by: str
    seconds: float
    evaluated_rows: int
    skipped: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """How far the estimate lies above (or, negative, below) what was counted, as a share of it."""
        return self.predicted_bytes / self.measured_bytes - 1 if self.measured_bytes else 0.0

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"difference": round(self.difference, 4)}


@dataclass
class Probe:
    """Runs once for each micro-batch size. ``predict`` estimates bytes for a batch; ``lengths`` gives those of rows."""

    predict: Callable[[Batch], float]
    lengths: Callable[[Any], Sequence[int]]
    on_gpu: bool
    emit: Emit
    found: Probed | None = field(default=None)

    def run(self, trainer: Any, model: Any) -> None:
        """Take the longest rows through forward, backward, the optimizer and evaluation, and leave no trace.

        Raises:
            torch.OutOfMemoryError: the worst batch does not fit.
        """
        began = time.monotonic()
        longest = self._longest(trainer.train_dataset, trainer.args.train_batch_size)
        skipped: list[str] = []
        references = [trainer.ref_model] if getattr(trainer, "ref_model", None) is not None else []
        before = [tensor for reference in references for tensor in reference.parameters()]
        with _nothing_changed(trainer, model), watch_peak(model, on_gpu=self.on_gpu, before=before) as peak:
            _learn(trainer, model, _rows(trainer, trainer.train_dataset, longest, trainer.data_collator))
            if reason := _step(trainer):
                skipped.append(reason)
            trainer.model.zero_grad(set_to_none=True)
            evaluated = self._evaluate(trainer, model)
        lengths = self.lengths(trainer.train_dataset)
        length = max(lengths[index] for index in longest)
        batch = Batch(len(longest), length, ragged=len({lengths[index] for index in longest}) > 1)
        self.found = Probed(
            rows=batch.rows,
            length=length,
            predicted_bytes=round(self.predict(batch)),
            measured_bytes=peak.bytes,
            counted_by="CUDA's allocator" if self.on_gpu else "the tensors that were alive, one by one",
            seconds=round(time.monotonic() - began, 3),
            evaluated_rows=evaluated,
            skipped=tuple(skipped),
        )
        self.emit(Event.TRAINING_MEMORY_PROBED, **self.found.as_record())

    def _longest(self, dataset: Any, count: int) -> list[int]:
        lengths = self.lengths(dataset)
        return sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))[:count]

    def _evaluate(self, trainer: Any, model: Any) -> int:
        if trainer.eval_dataset is None:
            return 0
        longest = self._longest(trainer.eval_dataset, trainer.args.eval_batch_size)
        padded = getattr(trainer.data_collator, "padded", trainer.data_collator)
        inputs = trainer._prepare_inputs(_rows(trainer, trainer.eval_dataset, longest, padded))
        model.eval()
        trainer.prediction_step(model, inputs, prediction_loss_only=True)
        return len(longest)


def open_probe(
    config: ForgeConfig, loaded: LoadedModel, lengths: Callable[[Any], Sequence[int]], emit: Emit
) -> Probe | None:
    """Return the trial of the worst batch where one is wanted and can be made; the log says why it is left out."""
    training, on_gpu = config.training, loaded.hardware.has_gpu
    wanted = on_gpu if training.memory_probe is None else training.memory_probe
    if not wanted:
        return None
    if reason := _untried(config):
        logger.warning("the worst batch is not tried before the first step: %s", reason)
        return None
    shapes = build_shapes(loaded.model.config, attention=config.model.attn_implementation)
    place = Place(loaded.hardware, bitsandbytes=loaded.precision.four_bit, gpus=read_place().count)

    def predict(batch: Batch) -> float:
        return estimate_memory(shapes, config, place, batch=widen(config, batch)).allocated

    return Probe(predict, lengths, on_gpu, emit)


def _untried(config: ForgeConfig) -> str | None:
    """Return why no batch is tried, ``None`` where one is."""
    if config.model.images is not None:
        return "what images take is not estimated, so there is nothing to compare with"
    if config.training.trainer_type == "grpo":
        return "replies of the greatest length cannot be drawn to order"
    strategy = config.distributed.strategy if config.distributed else None
    return f"under distributed.strategy {strategy} it could not be taken back" if strategy else None


def _rows(trainer: Any, dataset: Any, indices: list[int], collate: Callable[..., Any]) -> Any:
    named = (
        trainer._remove_unused_columns(dataset, description="training")
        if trainer.args.remove_unused_columns
        else dataset
    )
    return collate([named[index] for index in indices])


def _learn(trainer: Any, model: Any, inputs: Any) -> None:
    model.train()
    inputs = trainer._prepare_inputs(inputs)
    with trainer.compute_loss_context_manager():
        loss = trainer.compute_loss(model, inputs)
    trainer.accelerator.backward(loss)


def _step(trainer: Any) -> str | None:
    """Let the optimizer make its state and move nothing, and take the state away again."""
    optimizer = getattr(trainer.optimizer, "optimizer", trainer.optimizer)
    name = type(optimizer).__name__
    if not any(name.startswith(known) for known in _UNDONE):
        return f"the optimizer's step, which {name} could not take back"
    if optimizer.state:
        return None  # resumed: its state is in memory already
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad.zero_()
    try:
        optimizer.step()
    finally:
        optimizer.state.clear()
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
    return None


@contextlib.contextmanager
def _nothing_changed(trainer: Any, model: Any) -> Iterator[None]:
    """Put back every random generator, the trainer's sums for its reports, and the model's mode."""
    torch, numpy = load_extra("torch", extra="train"), load_extra("numpy", extra="train")
    states = (random.getstate(), numpy.random.get_state(), torch.get_rng_state())
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None
    reports = {name: copy.deepcopy(getattr(trainer, name)) for name in _REPORTS if hasattr(trainer, name)}
    training = model.training
    try:
        yield
    finally:
        random.setstate(states[0])
        numpy.random.set_state(states[1])
        torch.set_rng_state(states[2])
        if on_gpus is not None:
            torch.cuda.set_rng_state_all(on_gpus)
        for name, value in reports.items():
            setattr(trainer, name, value)
        model.train(training)
        trainer.model.zero_grad(set_to_none=True)
