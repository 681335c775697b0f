"""The rows of a dataset on this machine to the trainers that can use them."""

from __future__ import annotations

from collections.abc import Sequence

from forgelm.base.errors import ForgeError
from forgelm.data.detect import detect
from forgelm.data.load import load_rows
from forgelm.data.local import find_local

_LOOKED_AT = 200


def propose_trainer(name: str, trainers: Sequence[str]) -> tuple[str | None, str]:
    """Return the first of ``trainers`` that the rows are made for, and why; ``None`` where that cannot be told."""
    try:
        if find_local(name) is None:
            return None, f"{name} is not on this machine, so its rows were not looked at"
        rows = load_rows(name, train_only=True, offline=True).splits["train"]
    except ForgeError as error:
        return None, str(error)
    why = ""
    for trainer in trainers:
        try:
            match = detect(rows[:_LOOKED_AT], name, config_format="auto", mapped=frozenset(), trainer=trainer)
        except ForgeError as error:
            why = why or error.message
        else:
            return trainer, f"{len(rows)} rows of {match.shape.label}"
    return None, why
