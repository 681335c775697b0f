"""The trainers, as a table: which TRL classes run a ``trainer_type`` and how our examples become their columns."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra
from forgelm.base.files import write_json
from forgelm.train.compute import Meter
from forgelm.train.listeners import Listener
from forgelm.train.order import EpochOrder
from forgelm.train.save import whole_folder
from forgelm.train.tokenise import Example

COUNTS = "compute.json"


@dataclass(frozen=True)
class TrainerKind:
    """One training objective. ``build_dataset`` makes the columns its TRL trainer reads."""

    config_class: str
    trainer_class: str
    build_dataset: Callable[[Sequence[Example]], Any]


def build_sft_dataset(examples: Sequence[Example]) -> Any:
    """Return a ``datasets.Dataset`` with ``input_ids`` and ``labels``; labels stand where the loss is taken."""
    datasets = load_extra("datasets", extra="train")
    return datasets.Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
        }
    )


TRAINERS = MappingProxyType({"sft": TrainerKind("SFTConfig", "SFTTrainer", build_sft_dataset)})


def check_tracker(report_to: str) -> None:
    """Raise ``OptionalDependencyError`` when the tracker's package is missing, before anything is loaded or trained."""
    if importlib.util.find_spec("trl") is None:
        load_extra("trl", extra="train")  # without training there is no tracking to speak of
    if report_to != "none" and importlib.util.find_spec(report_to) is None:
        extra = "train" if report_to == "tensorboard" else report_to
        raise OptionalDependencyError(
            f"training.report_to is {report_to}, whose package is not installed",
            hint=f"pip install 'forgelm[{extra}]', or set training.report_to: none",
        )


def build_trainer(
    kind: TrainerKind,
    arguments: dict[str, Any],
    *,
    listeners: Sequence[Listener],
    patience: int | None,
    meter: Meter,
    **parts: Any,
) -> Any:
    """Return TRL's trainer for ``kind``: silent, without its usage ping, in our own order of rows.

    ``patience`` is the number of evaluations without improvement after which training stops; ``None`` never stops.
    ``meter`` counts what training computes, and travels in the checkpoints.
    """
    trl = load_extra("trl", extra="train")
    transformers = load_extra("transformers", extra="train")
    config = getattr(trl, kind.config_class)(**arguments)
    callbacks = [_forward(transformers.TrainerCallback, listeners)]
    if patience is not None:
        callbacks.append(transformers.EarlyStoppingCallback(patience))
    trainer = _quiet(getattr(trl, kind.trainer_class), meter)(args=config, callbacks=callbacks, **parts)
    for callback in (transformers.PrinterCallback, transformers.ProgressCallback):
        trainer.remove_callback(callback)
    return trainer


def _forward(base: type[Any], listeners: Sequence[Listener]) -> Any:
    class Forward(base):
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            for listener in listeners:
                listener.begin(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            for listener in listeners:
                listener.step(state, control)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            for listener in listeners:
                listener.log(state, logs or {})

    return Forward()


def _quiet(base: type[Any], meter: Meter) -> type[Any]:
    class QuietTrainer(base):
        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            with meter.counting():
                return super().training_step(*args, **kwargs)

        # Setting the hub's switch is too late where a notebook has already imported the hub's client.
        def _send_telemetry(self) -> None:
            pass

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            pass

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            with whole_folder(folder):
                super()._save_checkpoint(model, trial)
                write_json(folder / COUNTS, meter.save())

        def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder:
            dataset = self.train_dataset if train_dataset is None else train_dataset
            return EpochOrder(
                [len(ids) for ids in dataset["input_ids"]],
                batch_size=self.args.train_batch_size,
                seed=self.args.seed,
                strategy=self.args.train_sampling_strategy,
            )

    return QuietTrainer
