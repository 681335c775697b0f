"""Rows of one batch joined into as few lines as fit: less is padding, and losses and gradients stay the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.data.batching import fit_lines
from forgelm.train.tokenise import IGNORED

Row = Mapping[str, Any]


class JoinedCollator:
    """Makes a batch of the columns ``input_ids`` and ``labels``: lists of int, equally long in each row.

    Where rows can be joined, the batch has ``input_ids``, ``labels`` and ``position_ids`` of shape (lines, longest
    line) and no attention mask: positions begin again at 0 with every row, which keeps the rows of a line apart, and
    the first label of every row is masked, so that no row predicts the next. Filler is masked too, at a position that
    neither begins a row nor goes on with one, so each of its tokens sees itself alone. Where nothing can be joined the
    batch is what ``padded`` makes of the rows.
    """

    def __init__(self, padded: Callable[[Sequence[Row]], dict[str, Any]], *, pad_token_id: int) -> None:
        self.padded = padded
        self._pad_token_id = pad_token_id

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        lengths = [len(row["input_ids"]) for row in rows]
        lines = fit_lines(lengths)
        if len(lines) == len(rows):
            return self.padded(rows)
        torch = load_extra("torch", extra="train")
        width = max(sum(lengths[index] for index in line) for line in lines)
        columns: dict[str, list[list[int]]] = {"input_ids": [], "labels": [], "position_ids": []}
        for line in lines:
            missing = width - sum(lengths[index] for index in line)
            # Position 1 would go on with a row of one token.
            filler = 2 if lengths[line[-1]] == 1 else 1
            joined = [rows[index] for index in line]
            columns["input_ids"].append(_chain(row["input_ids"] for row in joined) + [self._pad_token_id] * missing)
            columns["labels"].append(_chain([IGNORED, *row["labels"][1:]] for row in joined) + [IGNORED] * missing)
            columns["position_ids"].append(_chain(range(lengths[index]) for index in line) + [filler] * missing)
        return {name: torch.tensor(values) for name, values in columns.items()}


def real_positions(position_ids: Any) -> Any:
    """Return which of ``position_ids`` (rows, length) hold tokens of rows: those that begin one or go on with one."""
    torch = load_extra("torch", extra="train")
    before = torch.cat([position_ids[:, :1] - 1, position_ids[:, :-1]], dim=1)
    return (position_ids == 0) | (position_ids == before + 1)


def joins_rows(attention: str | None) -> bool:
    """Tell whether rows are joined line by line: flash attention takes them best in TRL's single line."""
    return "flash" not in (attention or "")


def join_within_batch(collator: Any) -> JoinedCollator:
    """Return the collator that joins rows, made from TRL's that lays all rows of a batch end to end."""
    return JoinedCollator(dataclasses.replace(collator, padding_free=False), pad_token_id=collator.pad_token_id)


def joining(base: type[Any]) -> type[Any]:
    """Return a subclass of TRL's trainer ``base`` for joined batches: tokens are counted, and evaluation is padded.

    TRL takes a batch without a mask to be one line full of tokens. An evaluation weighs the loss of a batch by the
    length of its first dimension, which must be its rows.
    """

    class JoiningTrainer(base):
        data_collator: Any
        _total_train_tokens: int

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            before = self._total_train_tokens
            found = super().compute_loss(model, inputs, *args, **kwargs)
            if self.model.training and "attention_mask" not in inputs:
                real = self.accelerator.gather_for_metrics(real_positions(inputs["position_ids"]).sum()).sum()
                self._total_train_tokens = before + int(real) // self._tp_size
                self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
            return found

        def get_eval_dataloader(self, *args: Any, **kwargs: Any) -> Any:
            joined = self.data_collator
            self.data_collator = joined.padded
            try:
                return super().get_eval_dataloader(*args, **kwargs)
            finally:
                self.data_collator = joined

    return JoiningTrainer


def _chain(parts: Any) -> list[int]:
    return [number for part in parts for number in part]
