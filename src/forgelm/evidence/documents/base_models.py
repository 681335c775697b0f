"""Looks up how much compute a base model's own training took, in a table that names its sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class BaseCompute:
    """Operations of a base model's training, how the figure came about, and where it was published."""

    flop: float
    basis: str
    source: str
    note: str | None = None


def load_table() -> dict[str, Any]:
    """Return the table as it stands in ``base_models.json``."""
    table: dict[str, Any] = json.loads((files(__package__) / "base_models.json").read_text(encoding="utf-8"))
    return table


def find_base_compute(name: str) -> BaseCompute | None:
    """Return what the table knows about the model with hub id ``name``, letter case aside."""
    for row in load_table()["models"]:
        if name.casefold() in (known.casefold() for known in row["ids"]):
            return BaseCompute(row["flop"], row["basis"], f"{row['source']} ({row['url']})", row.get("note"))
    return None
