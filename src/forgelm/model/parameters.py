"""Counts a model's parameters: all of them, those that learn, and those that are only looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameters:
    """``lookup`` are the rows of an input embedding that shares no weights with the output layer: read, not multiplied.

    Packed 4-bit weights count as the parameters they stand for, not as the bytes they are stored in.
    """

    total: int
    trainable: int
    lookup: int = 0


def count_parameters(model: Any) -> Parameters:
    """Return the counts of ``model``, adapter included; shared weights count once."""
    parameters = list(model.parameters())
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    shared = head is None or head.weight is table.weight
    return Parameters(
        total=sum(_count(parameter) for parameter in parameters),
        trainable=sum(_count(parameter) for parameter in parameters if parameter.requires_grad),
        lookup=0 if shared else _count(table.weight),
    )


def _count(parameter: Any) -> int:
    # bitsandbytes packs two 4-bit weights into each stored byte, several bytes into each stored element.
    packed = 2 * int(parameter.element_size()) if type(parameter).__name__ == "Params4bit" else 1
    return int(parameter.numel()) * packed
