"""What the name of a dataset leads to on this machine: documents, or rows and the trainers that can use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from forgelm.base.errors import ForgeError
from forgelm.data.detect import detect
from forgelm.data.documents.find import find_documents
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


def is_here(name: str) -> bool:
    """Whether ``name`` is a file or folder of this machine."""
    try:
        return find_local(name) is not None
    except ForgeError:
        return False


def holds_documents(name: str) -> bool:
    """Whether ``name`` leads to documents and to no rows; plain text files count as rows."""
    try:
        if not is_here(name) or not find_documents(Path(name).expanduser(), recursive=True)[0]:
            return False
    except ForgeError:
        return False
    try:
        load_rows(name, train_only=True, offline=True)
    except ForgeError:
        return True
    return False
