"""What all trainers share: a dataset in, the engine's training, the trained model in the output folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_cli.core.exceptions import EmptyDatasetError, InvalidConfigError, TrainingError
from finetune_cli.core.translate import training_errors
from finetune_cli.core.types import LoRAConfig, TokenizationConfig, TrainingConfig
from finetune_cli.data.encoding import read_examples
from finetune_cli.models.sections import steps_per_epoch
from finetune_cli.trainers.listener import Losses
from finetune_cli.trainers.loaded import build_run_config, prepare_model
from finetune_cli.trainers.result import TrainingResult
from finetune_cli.trainers.rows import tokenise_rows
from forgelm.base.files import RunFiles, write_json
from forgelm.data.rows import RowFormat
from forgelm.train.loop import Outcome, train
from forgelm.train.token_ledger import TokenLedger
from forgelm.train.tokenise import Encoding, Example, TokenisedSplit
from forgelm.train.tokenised import TokenisedData

_log = logging.getLogger(__name__)


class BaseTrainer:
    """Trains ``model`` in place. ``train`` takes a tokenised dataset, or rows it recognises and tokenises itself."""

    def __init__(self, model: Any, tokenizer: Any, training_config: TrainingConfig) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.training_config = training_config
        self.lora_config: LoRAConfig | None = None

    def train(self, dataset: Any) -> TrainingResult:
        """Train on ``dataset`` (or its ``train`` part, measuring on ``validation``) and save to ``output_dir``.

        Raises:
            InvalidConfigError: the output folder exists and is not empty.
            DatasetError: there is nothing to learn in the rows.
            TrainingError: training failed; no model was saved.
        """
        config = self.training_config
        check_output(config.output_dir)
        rows, held_out = _parts(dataset)
        examples = self._examples(rows)
        held = self._examples(held_out) if held_out is not None and config.evaluation_strategy != "no" else []
        if config.evaluation_strategy != "no" and not held:
            raise InvalidConfigError(
                f"training.evaluation_strategy is {config.evaluation_strategy}, but the dataset has no validation part",
                field="training.evaluation_strategy",
            )
        return self._train(examples, held)

    def _rows(self, rows: Any) -> Any:
        """Return what is tokenised; trainers that format rows do it here."""
        return rows

    def _examples(self, rows: Any) -> list[Example]:
        tokenised = self._rows(rows)
        if "input_ids" not in tokenised.column_names:
            tokenised = tokenise_rows(tokenised, self.tokenizer, TokenizationConfig(padding="do_not_pad"))
        examples = [example for example in read_examples(tokenised) if example.targets]
        if not examples:
            raise (
                EmptyDatasetError("the dataset")
                if not len(rows)
                else TrainingError(self.training_config.method, "no row has a token to learn: every label is masked")
            )
        if len(examples) < len(rows):
            _log.warning("%d of %d rows have no token to learn and are left out", len(rows) - len(examples), len(rows))
        return examples

    def _train(self, examples: list[Example], held: list[Example]) -> TrainingResult:
        config = self.training_config
        files = RunFiles(config.output_dir.absolute())
        losses = Losses()
        with training_errors(config.method):
            forge = build_run_config(
                self.model,
                config,
                self.lora_config,
                longest=max(len(example.input_ids) for example in [*examples, *held]),
                steps_per_epoch=steps_per_epoch(len(examples), config),
            )
            loaded = prepare_model(self.model, self.tokenizer, forge)
            data = TokenisedData(
                self._encoding(forge.model.max_length), _split(examples), _split(held) if held else None
            )
            files.root.mkdir(parents=True, exist_ok=True)
            outcome = train(forge, data, loaded, files, run_id="model", emit=losses)
        self.model = loaded.model
        if config.save_strategy == "no":
            drop_checkpoints(files.root)
        return self._save(outcome, files.root, losses)

    def _encoding(self, longest: int) -> Encoding:
        return Encoding(self.tokenizer, RowFormat.TEXT, None, False, longest, False, frozenset())

    def _save(self, outcome: Outcome, root: Path, losses: Losses) -> TrainingResult:
        for path in sorted(outcome.staging.iterdir()):
            path.replace(root / path.name)
        shutil.rmtree(outcome.staging)
        result = TrainingResult(
            output_dir=self.training_config.output_dir,
            train_loss=outcome.train_loss,
            steps_completed=outcome.steps,
            elapsed_seconds=outcome.seconds,
            eval_loss=losses.eval_loss,
            epochs_completed=self.training_config.num_epochs,
            trainer_logs=losses.by_step,
        )
        numbers = {"train_loss": result.train_loss, "eval_loss": result.eval_loss, "steps": result.steps_completed}
        write_json(root / "training_result.json", numbers | {"seconds": result.elapsed_seconds})
        return result


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something, or a file in its place.

    Raises:
        InvalidConfigError: naming the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidConfigError(
            f"training.output_dir {folder} exists and is not an empty folder",
            field="training.output_dir",
            hint="give another folder, or empty this one",
        )


def drop_checkpoints(folder: Path) -> None:
    """Remove the checkpoint that every training ends with, where the user wanted none."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)


def _parts(dataset: Any) -> tuple[Any, Any]:
    """Return training and validation rows of a dataset, a ``DatasetDict`` or a plain mapping of both."""
    if not isinstance(dataset, dict):
        return dataset, None
    if "train" not in dataset:
        raise EmptyDatasetError("the part 'train' of the dataset")
    return dataset["train"], dataset.get("validation")


def _split(examples: Sequence[Example]) -> TokenisedSplit:
    ledger = TokenLedger(
        rows=len(examples),
        tokens=sum(example.tokens for example in examples),
        target_tokens=sum(example.targets for example in examples),
    )
    return TokenisedSplit(tuple(examples), ledger)
