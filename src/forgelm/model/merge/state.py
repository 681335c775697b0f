"""A model folder, or an adapter on its base, as one set of tensors that can be read by name: weights shared or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.model.merge.adapter import Adapter
from forgelm.model.positions import changed_config, read_base_changes
from forgelm.model.weights import Weights, open_weights
from forgelm.model.write_weights import Planned

HEAD = "lm_head.weight"
_TABLES = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")


@dataclass(frozen=True)
class State:
    """The tensors of one whole model, those of an adapter merged in as they are read."""

    label: str
    weights: Weights
    config: dict[str, Any]
    adapter: Adapter | None = None

    @cached_property
    def table(self) -> str | None:
        """The name of the input embedding."""
        return next((name for name in self.weights.tensors if name.endswith(_TABLES)), None)

    @property
    def is_tied(self) -> bool:
        """Whether the file leaves the output layer out because it is the input embedding."""
        return HEAD not in self.weights.tensors and bool(_text(self.config).get("tie_word_embeddings", True))

    @cached_property
    def splits_tie(self) -> bool:
        """Whether the adapter changes one of two layers that share their weights in the base model.

        While it is an adapter the other one stays as it is, so the merged model needs both of them.
        """
        if self.adapter is None or not self.is_tied or self.table is None:
            return False
        own = (self.adapter.own | frozenset(self.adapter.low_rank)) & {HEAD, self.table}
        if not own:
            return False
        both = {HEAD, self.table} <= set(self.adapter.replaced) and not (own & frozenset(self.adapter.low_rank))
        return not both or not self._saved_alike()

    def _saved_alike(self) -> bool:
        assert self.adapter is not None
        head, table = (self.adapter.replaced[name] for name in (HEAD, self.table or ""))
        return self.adapter.weights.read_bytes(head) == self.adapter.weights.read_bytes(table)

    def plan(self) -> list[Planned]:
        """Return the tensors of the merged model in the base's order.

        Raises:
            ModelError: the adapter changes a tensor its base does not have.
        """
        planned = [self._planned(name, name) for name in self.weights.tensors]
        if self.splits_tie:
            planned.append(self._planned(HEAD, self.table or ""))
        if self.adapter is not None:
            known = {item.name for item in planned} | ({HEAD} if self.is_tied else set())
            unknown = sorted(self.adapter.changes - known)
            if unknown:
                raise ModelError(
                    f"{self.adapter.folder} does not fit {self.label}: it changes {unknown[0]!r}, which is not there",
                    hint="merge it into the model it was trained on",
                )
        return planned

    def read(self, name: str) -> Any:
        """Return the tensor ``name`` as float32, the adapter merged in."""
        stored = self.table or "" if name == HEAD and name not in self.weights.tensors else name
        values = self.weights.read(stored)
        return self.adapter.apply(name, values) if self.adapter is not None else values

    def is_changed(self, name: str) -> bool:
        return self.adapter is not None and name in self.adapter.changes

    def _planned(self, name: str, stored: str) -> Planned:
        tensor = self.weights.tensors[stored]
        shape = tensor.shape
        if self.adapter is not None and name in self.adapter.replaced:
            shape = self.adapter.weights.tensors[self.adapter.replaced[name]].shape
        return Planned(name, tensor.dtype, shape)


def open_state(folder: Path, *, label: str | None = None, adapter: Adapter | None = None) -> State:
    """Return the model in ``folder``, with ``adapter`` on it.

    Raises:
        ModelError: it has no usable configuration or weights, or its weights are quantised.
    """
    config = read_model_config(folder)
    if _text(config).get("quantization_config") or config.get("quantization_config"):
        raise ModelError(
            f"the weights in {folder} are quantised", hint="merge into the full-precision model they were made from"
        )
    if adapter is not None:
        config = changed_config(config, read_base_changes(adapter.folder))
    return State(label or str(folder), open_weights(folder), config, adapter)


def read_model_config(folder: Path) -> dict[str, Any]:
    """Return what ``config.json`` says.

    Raises:
        ModelError: there is none, or it is not a JSON mapping.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{folder} has no readable config.json, so it is not a model folder") from error
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not JSON") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path} is not a mapping")
    return config


def _text(config: dict[str, Any]) -> dict[str, Any]:
    inner = config.get("text_config")
    return inner if isinstance(inner, dict) else config
