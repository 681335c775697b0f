"""The pairs of dpo to what its reference says of them, asked once before training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.errors import TrainingError
from forgelm.base.extras import load_extra
from forgelm.train.compute import Meter

_COLUMNS = ("ref_chosen_logps", "ref_rejected_logps")


def ask_reference(trainer: Any, dataset: Any, lengths: Sequence[int], rows: int, meter: Meter) -> Any:
    """Return ``dataset`` with the reference's log-probabilities of both replies: what TRL does, without its cache.

    At most ``rows`` go together, those of about one length (``lengths``, in tokens), so that little is padded; where
    memory runs out it is half as many from there on, which changes no answer.

    Raises:
        TrainingError: there is not the memory for one row.
    """
    places = sorted(range(len(dataset)), key=lambda place: lengths[place])
    found: list[tuple[float, float]] = [(0.0, 0.0)] * len(places)
    start = 0
    while start < len(places):
        together = places[start : start + rows]
        answers = _answers(trainer, dataset.select(together).to_list(), meter)
        if answers is not None:
            for place, answer in zip(together, answers, strict=True):
                found[place] = answer
            start += len(together)
        elif rows == 1:
            raise TrainingError(
                f"out of memory while the reference is asked about one row of {lengths[together[0]]} tokens",
                hint="lower model.max_length, or set model.load_in_4bit: true",
            )
        else:
            rows = max(1, len(together) // 2)
    for name, values in zip(_COLUMNS, zip(*found, strict=True), strict=True):
        dataset = dataset.add_column(name, list(values))
    return dataset


def _answers(trainer: Any, rows: list[dict[str, Any]], meter: Meter) -> list[tuple[float, float]] | None:
    """Return the log-probabilities of the chosen and the rejected reply of each row, ``None`` where memory ran out."""
    torch = load_extra("torch", extra="train")
    try:
        batch = {name: tensor.to(trainer.model.device) for name, tensor in trainer.data_collator(rows).items()}
        with meter.counting():
            chosen, rejected = (part.float().cpu() for part in trainer.compute_ref_log_probs(trainer.model, batch))
        return list(zip(chosen.tolist(), rejected.tolist(), strict=True))
    except torch.OutOfMemoryError:
        return None
