"""TRL's trainers made ours: silent, rows as we tokenised them, in our order, every step repeatable and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import TrainingError
from forgelm.base.extras import load_extra
from forgelm.base.files import write_json
from forgelm.train.compute import Meter
from forgelm.train.distributed import shard_on_cpu
from forgelm.train.losses import Losses
from forgelm.train.memory.probe import Probe
from forgelm.train.order import EpochOrder, GroupOrder, step_seed
from forgelm.train.processes import Processes
from forgelm.train.reference import ask_reference
from forgelm.train.samples import Samples
from forgelm.train.save import weights_by_own_names

COUNTS = "compute.json"


@dataclass(frozen=True)
class Ways:
    """How a trainer is made ours. ``strategy`` is the order of rows; ``meter`` counts, and travels in the checkpoints.

    ``identity`` says which training a checkpoint belongs to; ``seeded`` makes what a step draws depend on seed and step
    alone; ``losses`` and ``samples`` are kept in the checkpoints. ``length_columns`` are those of ``TrainerKind``;
    ``prepares`` leaves the preparation of rows to TRL, as only packing needs; ``joins`` has the rows of a batch joined.
    """

    meter: Meter
    strategy: str
    identity: Mapping[str, Any] = field(default_factory=dict)
    seeded: bool = True
    length_columns: tuple[tuple[str, ...], ...] = ()
    prepares: bool = False
    joins: bool = False
    processes: Processes = field(default_factory=Processes)
    losses: Losses = field(default_factory=Losses)
    samples: Samples = field(default_factory=Samples)
    probe: Probe | None = None

    def lengths(self, dataset: Any) -> list[int]:
        """Return each row's length in tokens."""
        return dataset_lengths(self.length_columns, dataset)


def quieten(base: type[Any], ways: Ways) -> type[Any]:
    """Return a subclass of TRL's trainer ``base``, which may have all or some of the methods overridden here."""

    class QuietTrainer(_sealing(base, ways)):  # type: ignore[misc]
        _step_begun = -1
        _order_rows: int | None = None
        _micro_batch = 0

        # Setting the hub's switch is too late where a notebook has already imported the hub's client.
        def _send_telemetry(self) -> None:
            pass

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            pass

        def begin_again(self) -> None:
            self._step_begun = -1

        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            step = int(self.state.global_step)
            self._micro_batch = self._micro_batch + 1 if step == self._step_begun else 0
            self._step_begun = step
            if ways.seeded:
                # As if one process took the micro-batches of all, one after the other.
                place = ways.processes.place
                drawn = step_seed(self.args.seed, step, self._micro_batch * place.count + place.index)
                load_extra("transformers", extra="train").set_seed(drawn)
            with ways.meter.counting():
                loss = super().training_step(*args, **kwargs)
            ways.meter.add_loss(loss)
            ways.losses.add(step, loss)
            return loss

        def _get_train_sampler(self, train_dataset: Any = None) -> EpochOrder | GroupOrder:
            dataset = self.train_dataset if train_dataset is None else train_dataset
            args = self.args
            # A batch made smaller on the way changes nothing about which rows share an optimizer step.
            self._order_rows = self._order_rows or args.train_batch_size
            order = EpochOrder(
                ways.lengths(dataset), batch_size=self._order_rows, seed=args.seed, strategy=ways.strategy
            )
            if not hasattr(args, "num_generations"):
                return order
            prompts = args.generation_batch_size // args.num_generations
            repeats = args.num_iterations * args.steps_per_generation
            return GroupOrder(order, prompts=prompts, replies=args.num_generations, repeats=repeats)

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return super()._prepare_dataset(dataset, *args, **kwargs) if ways.prepares else dataset

        def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, Any]:
            return feature

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            return ask_reference(self, dataset, ways.lengths(dataset), batch_size, ways.meter)

    return _watching(QuietTrainer, ways)


def _watching(base: type[Any], ways: Ways) -> type[Any]:
    """Return a subclass of ``base`` that knows what it is busy with when memory runs out, and tries the worst batch.

    ``busy_with`` keeps the word of what failed until ``begin_again``.
    """

    class WatchedTrainer(base):
        busy_with = "elsewhere"
        _probed = False
        _marked_step = -1

        def begin_again(self) -> None:
            """Forget the step that failed, and what was tried with a batch of another size."""
            super().begin_again()
            self._probed, self._marked_step, self.busy_with = False, -1, "elsewhere"

        def training_step(self, *args: Any, **kwargs: Any) -> Any:
            self.busy_with = "training"
            if self._marked_step != self.state.global_step:
                self._marked_step = self.state.global_step
                ways.meter.mark()
            if ways.probe is not None and not self._probed:
                ways.probe.run(self, args[0])
                self._probed = True
            loss = super().training_step(*args, **kwargs)
            self.busy_with = "elsewhere"
            return loss

        def _generate_and_score_completions(self, *args: Any, **kwargs: Any) -> Any:
            # The replies of a whole step are drawn at once: smaller micro-batches would not help.
            before, self.busy_with = self.busy_with, "drawing"
            drawn = super()._generate_and_score_completions(*args, **kwargs)
            self.busy_with = before
            return drawn

        def evaluate(self, *args: Any, **kwargs: Any) -> Any:
            self.busy_with = "evaluating"
            found = super().evaluate(*args, **kwargs)
            self.busy_with = "elsewhere"
            return found

    return WatchedTrainer


def _sealing(base: type[Any], ways: Ways) -> type[Any]:
    """Return a subclass of ``base`` that seals its checkpoints, all processes together."""

    class SealingTrainer(base):
        _aside: Path | None = None

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            root = Path(self.args.output_dir)
            place = root / f"checkpoint-{self.state.global_step}"
            with ways.processes.sealed_checkpoint(place, ways.identity) as written:
                self._aside = written.parent
                try:
                    super()._save_checkpoint(model, trial)
                finally:
                    self._aside = None
                _point_to_best(self.state, root)
                counts = ways.meter.save()
                ways.losses.settle()
                ways.samples.take(self.model, int(self.state.global_step))
                if ways.processes.first:
                    self.state.save_to_json(str(written / "trainer_state.json"))
                    write_json(written / COUNTS, counts)
                    ways.losses.write(written)
                    ways.samples.write(written)
            if not ways.processes.first:
                return
            load_extra("transformers.trainer_utils", extra="train").rotate_checkpoints(
                output_dir=str(root),
                save_total_limit=self.args.save_total_limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
                use_mtime=True,
            )

        def _save(self, *args: Any, **kwargs: Any) -> None:
            with weights_by_own_names(self.model):
                super()._save(*args, **kwargs)

        def _issue_warnings_after_load(self, load_result: Any) -> None:
            if load_result.missing_keys and load_result.unexpected_keys:
                missing, other = load_result.missing_keys[0], load_result.unexpected_keys[0]
                raise TrainingError(f"the checkpoint does not fit the model: it has {other}, but no {missing}")
            super()._issue_warnings_after_load(load_result)

        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            shard_on_cpu(self)

        def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
            # Continued from its last checkpoint, a training whose steps are all taken would take one more.
            if self.state.global_step >= self.state.max_steps:
                self.control.should_training_stop = True
                return
            super()._run_epoch(*args, **kwargs)

        def _get_output_dir(self, trial: Any) -> str:
            return str(self._aside) if self._aside else str(super()._get_output_dir(trial))

    return SealingTrainer


def dataset_lengths(length_columns: tuple[tuple[str, ...], ...], dataset: Any) -> list[int]:
    """Return each row's length in tokens, or 1 where only the trainer itself finds it out."""
    if not length_columns:
        return [1] * len(dataset)
    parts = [[map(len, dataset[name]) for name in names] for names in length_columns]
    longest = [[max(sizes) for sizes in zip(*columns, strict=True)] for columns in parts]
    return [sum(sizes) for sizes in zip(*longest, strict=True)]


def drop_reference_adapter(model: Any) -> None:
    """Take away the copy of the adapter that TRL keeps as its reference: a fresh adapter switched off is the same.

    Raises nothing; without such a copy it does nothing.
    """
    if "ref" in getattr(model, "peft_config", {}):
        model.delete_adapter("ref")


def pair_within_batch(collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return ``collate`` for KTO, each row given its neighbour's reply to estimate the divergence with.

    The mismatched replies of a batch are then those of the batch itself, whatever the order of rows.
    """

    def collate_paired(rows: list[dict[str, Any]]) -> dict[str, Any]:
        neighbours = [rows[-1], *rows[:-1]]
        return collate(
            [
                {**row, "KL_completion_ids": neighbour["completion_ids"]}
                for row, neighbour in zip(rows, neighbours, strict=True)
            ]
        )

    return collate_paired


def _point_to_best(state: Any, root: Path) -> None:
    """Name the best checkpoint by its final place: while it is written aside, transformers would not find it."""
    if state.best_global_step:
        best = root / f"checkpoint-{state.best_global_step}"
        if best.is_dir() or state.best_global_step == state.global_step:
            state.best_model_checkpoint = str(best)
