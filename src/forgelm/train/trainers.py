"""The trainers, as a table: which TRL classes run a ``trainer_type`` and how our examples become their columns."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra
from forgelm.config.root import ForgeConfig
from forgelm.train.columns import (
    build_concatenated_dataset,
    build_feedback_dataset,
    build_pair_dataset,
    build_prompt_dataset,
    build_sft_dataset,
)
from forgelm.train.experimental import load_trainer_module
from forgelm.train.joined import join_within_batch, joining
from forgelm.train.listeners import Listener
from forgelm.train.quiet import Ways, dataset_lengths, drop_reference_adapter, pair_within_batch, quieten
from forgelm.train.scenes import build_scene_dataset
from forgelm.train.tokenise import Example


@dataclass(frozen=True)
class TrainerKind:
    """One training objective. ``build_dataset`` makes the columns its TRL trainer reads.

    ``length_columns`` add up to a row's length, where an inner tuple stands for the longest of several. ``keeps_start``
    is true where the loss compares with the model as it was before training.
    """

    module: str
    config_class: str
    trainer_class: str
    build_dataset: Callable[[Sequence[Example]], Any]
    length_columns: tuple[tuple[str, ...], ...] = ()
    keeps_start: bool = False

    def lengths(self, dataset: Any) -> list[int]:
        """Return the length of each row of a dataset in tokens."""
        return dataset_lengths(self.length_columns, dataset)


TRAINERS = MappingProxyType(
    {
        "sft": TrainerKind("trl", "SFTConfig", "SFTTrainer", build_sft_dataset, (("input_ids",),)),
        "dpo": TrainerKind(
            "trl",
            "DPOConfig",
            "DPOTrainer",
            build_pair_dataset,
            (("prompt_ids",), ("chosen_ids", "rejected_ids")),
            keeps_start=True,
        ),
        "simpo": TrainerKind(
            "trl.experimental.cpo",
            "CPOConfig",
            "CPOTrainer",
            build_concatenated_dataset,
            (("chosen_input_ids", "rejected_input_ids"),),
        ),
        "kto": TrainerKind(
            "trl",
            "KTOConfig",
            "KTOTrainer",
            build_feedback_dataset,
            (("prompt_ids",), ("completion_ids",)),
            keeps_start=True,
        ),
        "orpo": TrainerKind(
            "trl.experimental.orpo",
            "ORPOConfig",
            "ORPOTrainer",
            build_concatenated_dataset,
            (("chosen_input_ids", "rejected_input_ids"),),
        ),
        "grpo": TrainerKind("trl", "GRPOConfig", "GRPOTrainer", build_prompt_dataset),
    }
)


def choose_kind(config: ForgeConfig) -> TrainerKind:
    """Return how the configured trainer is run: with rows that are opened batch by batch where they have images."""
    kind = TRAINERS[config.training.trainer_type]
    return replace(kind, build_dataset=build_scene_dataset) if config.model.images is not None else kind


def check_trackers(names: Sequence[str]) -> None:
    """Raise ``OptionalDependencyError`` when a tracker's package is missing, before anything is loaded or trained."""
    if importlib.util.find_spec("trl") is None:
        load_extra("trl", extra="train")  # without training there is no tracking to speak of
    for name in names:
        if importlib.util.find_spec(name) is None:
            extra = "train" if name == "tensorboard" else name
            raise OptionalDependencyError(
                f"training.report_to names {name}, whose package is not installed",
                hint=f"pip install 'forgelm[{extra}]', or set training.report_to: none",
            )


def build_trainer(
    kind: TrainerKind,
    arguments: dict[str, Any],
    ways: Ways,
    *,
    listeners: Sequence[Listener],
    patience: int | None,
    **parts: Any,
) -> Any:
    """Return TRL's trainer for ``kind``: silent, without its usage ping, in our own order of rows.

    ``patience`` is the number of evaluations without improvement after which training stops; ``None`` never stops.
    """
    transformers = load_extra("transformers", extra="train")
    module = load_trainer_module(kind.module)
    config = keep_to_one_gpu(getattr(module, kind.config_class)(**arguments))
    callbacks = [_forward(transformers.TrainerCallback, listeners)]
    if patience is not None:
        callbacks.append(transformers.EarlyStoppingCallback(patience))
    ways = replace(ways, length_columns=kind.length_columns, prepares=bool(arguments.get("packing")))
    with _no_bars():
        base = getattr(module, kind.trainer_class)
        trainer = quieten(joining(base) if ways.joins else base, ways)(args=config, callbacks=callbacks, **parts)
    if kind.trainer_class == "KTOTrainer":
        trainer.data_collator = pair_within_batch(trainer.data_collator)
    if ways.joins:
        trainer.data_collator = join_within_batch(trainer.data_collator)
    drop_reference_adapter(trainer.model)
    for callback in (transformers.PrinterCallback, transformers.ProgressCallback):
        trainer.remove_callback(callback)
    return trainer


def keep_to_one_gpu(arguments: Any) -> Any:
    """Let a process train on its own GPU alone.

    transformers would spread one process over every GPU it sees, and take a batch for each of them.
    """
    arguments._n_gpu = min(int(arguments.n_gpu), 1)
    return arguments


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Keep the bars off that ``datasets`` draws while TRL looks at its columns."""
    datasets = load_extra("datasets", extra="train")
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def row_lengths(kind: TrainerKind, examples: Sequence[Example]) -> list[int]:
    """Return the length of each row as the order of rows takes it."""
    if kind.length_columns == (("input_ids",),):
        return [len(example.input_ids) for example in examples]
    return dataset_lengths(kind.length_columns, kind.build_dataset(examples))


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
