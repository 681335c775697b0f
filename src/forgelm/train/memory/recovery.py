"""What happens when memory ran out after all: smaller micro-batches, the same optimizer step, on from where it was."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from forgelm.base.errors import TrainingError
from forgelm.base.events import Emit, Event
from forgelm.base.extras import load_extra
from forgelm.config.training import TrainingConfig

logger = logging.getLogger(__name__)
Where = Literal["training", "evaluating", "drawing", "elsewhere"]
_HINT = (
    "lower training.per_device_train_batch_size (raise gradient_accumulation_steps to match), lower model.max_length, "
    "or set training.gradient_checkpointing: true; forgelm --config FILE --fit-check says what is enough"
)
_DRAWING = (
    "lower training.grpo_max_completion_length, or per_device_train_batch_size times gradient_accumulation_steps: as "
    "many replies are drawn at once"
)


@dataclass(frozen=True)
class BatchPlan:
    """Rows of a micro-batch and micro-batches of an optimizer step; ``eval_rows`` are those of one evaluation pass."""

    rows: int
    accumulation: int
    eval_rows: int

    @property
    def step_rows(self) -> int:
        return self.rows * self.accumulation


@dataclass(frozen=True)
class Recovery:
    """Whether a smaller batch is tried, and the smallest one that is."""

    enabled: bool
    min_rows: int
    undo: Callable[[], None] = lambda: None


def choose_recovery(training: TrainingConfig, undo: Callable[[], None], *, alone: bool) -> Recovery:
    """Several processes cannot make their batches smaller one by one: the others would wait for the one that failed."""
    least = max(training.oom_recovery_min_batch_size, 2 if training.trainer_type == "kto" else 1)
    if training.oom_recovery and not alone:
        logger.warning("training.oom_recovery has no effect with several processes: the first time ends the run")
    return Recovery(training.oom_recovery and alone, least, undo)


def choose_smaller(plan: BatchPlan, *, min_rows: int, where: Where) -> BatchPlan | None:
    """Return the next smaller plan whose optimizer step has the same rows, or ``None`` where there is none.

    The micro-batch becomes at most half of what it was. Where the rows of a step cannot be shared out evenly at that
    size, it becomes the next size below at which they can.
    """
    if where == "evaluating":
        return replace(plan, eval_rows=plan.eval_rows // 2) if plan.eval_rows > 1 else None
    if where != "training" or plan.rows <= min_rows:
        return None
    wanted = max(plan.rows // 2, min_rows)
    rows = next((size for size in range(wanted, min_rows - 1, -1) if plan.step_rows % size == 0), None)
    if rows is None:
        return None
    return BatchPlan(rows, plan.step_rows // rows, min(plan.eval_rows, max(rows, 1)))


def run_recovering(trainer: Any, checkpoint: Path | None, recovery: Recovery, emit: Emit) -> BatchPlan:
    """Train; when memory runs out, go on from the same optimizer step with a smaller micro-batch.

    Returns the plan that the training ended with. Where ``recovery`` is off nothing is tried again.

    Raises:
        TrainingError: memory ran out, and there is no smaller batch to try.
    """
    plan = read_plan(trainer)
    while (message := _attempt(trainer, checkpoint)) is not None:
        where: Where = trainer.busy_with
        smaller = choose_smaller(plan, min_rows=recovery.min_rows, where=where) if recovery.enabled else None
        if smaller is None:
            raise TrainingError(
                _explain(message, plan, recovery, where), hint=_DRAWING if where == "drawing" else _HINT
            )
        step = int(trainer.state.global_step)
        recovery.undo()
        _free(trainer)
        checkpoint = _keep_state(trainer) if step else None
        _apply(trainer, smaller)
        emit(
            Event.TRAINING_OOM_RECOVERY,
            step=step,
            where=where,
            old_batch_size=plan.rows if where == "training" else plan.eval_rows,
            new_batch_size=smaller.rows if where == "training" else smaller.eval_rows,
            new_grad_accum=smaller.accumulation,
            continues_from=checkpoint.name if checkpoint else "the beginning",
        )
        plan = smaller
    return plan


def read_plan(trainer: Any) -> BatchPlan:
    """Return the plan a trainer has."""
    args = trainer.args
    return BatchPlan(
        args.per_device_train_batch_size, args.gradient_accumulation_steps, args.per_device_eval_batch_size
    )


def _attempt(trainer: Any, checkpoint: Path | None) -> str | None:
    """Train, and return what torch said when memory ran out; the error itself would hold on to all activations."""
    torch = load_extra("torch", extra="train")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except torch.OutOfMemoryError as error:
        return str(error).partition("\n")[0] or "out of memory"
    return None


def _free(trainer: Any) -> None:
    trainer.model.zero_grad(set_to_none=True)
    gc.collect()
    torch = load_extra("torch", extra="train")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _keep_state(trainer: Any) -> Path:
    """Write a checkpoint of the last whole optimizer step: the step that failed had changed no weight yet."""
    trainer._save_checkpoint(trainer.model, None)
    return Path(trainer.args.output_dir) / f"checkpoint-{trainer.state.global_step}"


def _apply(trainer: Any, plan: BatchPlan) -> None:
    trainer.args.per_device_train_batch_size = plan.rows
    trainer.args.gradient_accumulation_steps = plan.accumulation
    trainer.args.per_device_eval_batch_size = plan.eval_rows
    trainer._train_batch_size = trainer.args.train_batch_size
    if hasattr(trainer.args, "steps_per_generation"):
        # GRPO draws the replies of a whole step at once and shares them out among its micro-batches.
        trainer.args.steps_per_generation = trainer.args.generation_batch_size // plan.rows
        trainer._step, trainer._buffered_inputs = 0, None
    trainer.begin_again()


def _explain(message: str, plan: BatchPlan, recovery: Recovery, where: Where) -> str:
    doing = {
        "training": "while training",
        "evaluating": "while evaluating",
        "drawing": "while drawing the replies of a step",
        "elsewhere": "outside a training step",
    }
    text = f"out of memory {doing[where]}, with micro-batches of {plan.rows} rows: {message}"
    if not recovery.enabled:
        return text
    if where in ("drawing", "elsewhere"):
        return f"{text}; smaller micro-batches would not help there"
    return f"{text}; there is no smaller one to try (training.oom_recovery_min_batch_size: {recovery.min_rows})"
