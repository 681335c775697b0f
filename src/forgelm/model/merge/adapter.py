"""A saved LoRA adapter to what it does to each tensor of its base model.

The formulas are PEFT's own: W + s BA, with s = alpha / r (rsLoRA: alpha / sqrt(r)), and for DoRA each row of that
scaled to the length in the magnitude vector (arXiv:2106.09685, 2312.03732, 2402.09353).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.weights import Weights, open_files

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_PARTS = re.compile(
    r"(?P<module>.+?)\.(?:(?P<part>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(?:\.weight)?)"
)
# Settings under which the formulas above are not the whole story.
_OTHER_WAYS = (
    *("layer_replication", "trainable_token_indices", "target_parameters", "use_qalora", "lora_bias"),
    *("alora_invocation_tokens", "arrow_config", "use_bdlora", "velora_config", "monteclora_config"),
)


@dataclass(frozen=True)
class LowRank:
    """What an adapter learnt about one module: the names of its factors in the adapter's file, and their scale.

    ``outer`` is B (rows by r) and ``inner`` A (r by columns), for an embedding the other way round.
    """

    outer: str
    inner: str
    scale: float
    magnitude: str | None = None
    transposed: bool = False


@dataclass(frozen=True)
class Adapter:
    """An adapter on disk. ``low_rank`` and ``replaced`` go by the name of the base model's tensor.

    ``replaced`` tensors are stored whole; those in ``own`` belong to a module the adapter has its own copy of.
    """

    folder: Path
    base_name: str | None
    base_revision: str | None
    weights: Weights
    low_rank: Mapping[str, LowRank]
    replaced: Mapping[str, str]
    own: frozenset[str]

    @property
    def changes(self) -> frozenset[str]:
        return frozenset(self.low_rank) | frozenset(self.replaced)

    def apply(self, name: str, values: Any) -> Any:
        """Return the base model's tensor ``name`` (float32) with the adapter merged in.

        Raises:
            ModelError: the adapter's factors do not fit the tensor: it was trained on another model.
        """
        if name in self.replaced:
            values = self.weights.read(self.replaced[name])
        found = self.low_rank.get(name)
        if found is None:
            return values
        np = load_extra("numpy", extra="train")
        outer, inner = self.weights.read(found.outer), self.weights.read(found.inner)
        if outer.ndim != 2 or inner.ndim != 2 or outer.shape[1] != inner.shape[0]:
            raise ModelError(f"the factors of {name!r} in {self.folder} are not matrices that fit each other")
        shape = (outer.shape[0], inner.shape[1])
        wanted = shape[::-1] if found.transposed else shape
        if values.shape != wanted:
            raise ModelError(
                f"{self.folder} does not fit this base model: {name!r} is {values.shape} there and {wanted} for the "
                "adapter",
                hint="merge it into the model it was trained on",
            )
        delta = (outer @ inner) * np.float32(found.scale)
        merged = values + (delta.T if found.transposed else delta)
        if found.magnitude is None:
            return merged
        axis = 0 if found.transposed else 1
        length = np.linalg.norm(merged, axis=axis, keepdims=True)
        magnitude = self.weights.read(found.magnitude).reshape(length.shape)
        return merged * (magnitude / length)


def is_adapter(folder: Path) -> bool:
    """Tell whether ``folder`` holds an adapter and not a whole model."""
    return (folder / ADAPTER_CONFIG).is_file() and not (folder / "config.json").is_file()


def load_adapter(folder: Path) -> Adapter:
    """Return the adapter saved in ``folder``.

    Raises:
        ModelError: there is none, its files are broken, or it is of a kind that is not merged here.
    """
    config = _read_config(folder)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        raise ModelError(f"{folder} has no {ADAPTER_WEIGHTS}", hint="only safetensors weights are read")
    weights = open_files(folder, [ADAPTER_WEIGHTS])
    saved = tuple(str(name) for name in config.get("modules_to_save") or ())
    parts: dict[str, dict[str, str]] = {}
    replaced: dict[str, str] = {}
    own: set[str] = set()
    for key in weights.tensors:
        name = key.removeprefix(_PREFIX)
        found = _PARTS.fullmatch(name)
        if found:
            parts.setdefault(found["module"], {})[found["part"]] = key
        elif "lora_" in name:
            raise _unsupported(folder, f"it has the tensor {key!r}")
        else:
            tensor = name.replace(".base_layer.", ".")
            replaced[tensor] = key
            module = tensor.rpartition(".")[0]
            if any(module == one or module.endswith(f".{one}") for one in saved):
                own.add(tensor)
    low_rank = {f"{module}.weight": _build(folder, config, module, keys) for module, keys in parts.items()}
    if not low_rank and not replaced:
        raise ModelError(f"{folder / ADAPTER_WEIGHTS} holds no tensor")
    return Adapter(
        folder,
        config.get("base_model_name_or_path") or None,
        config.get("revision") or None,
        weights,
        MappingProxyType(low_rank),
        MappingProxyType(replaced),
        frozenset(own),
    )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        raise ModelError(f"{folder} holds no adapter: there is no {ADAPTER_CONFIG}")
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not JSON") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path} is not a mapping")
    if config.get("peft_type") != "LORA":
        raise _unsupported(folder, f"it is of the type {config.get('peft_type')!r}")
    for name in _OTHER_WAYS:
        if config.get(name):
            raise _unsupported(folder, f"it was trained with {name}")
    for name in ("r", "lora_alpha"):
        if not isinstance(config.get(name), (int, float)) or not 0 < config[name] < math.inf:
            raise ModelError(f"{path}: {name} is not a number above 0")
    return config


def _build(folder: Path, config: dict[str, Any], module: str, keys: dict[str, str]) -> LowRank:
    if {"lora_A", "lora_B"} <= set(keys):
        outer, inner, embedding = keys["lora_B"], keys["lora_A"], False
    elif {"lora_embedding_A", "lora_embedding_B"} <= set(keys):
        outer, inner, embedding = keys["lora_embedding_B"], keys["lora_embedding_A"], True
    else:
        raise ModelError(f"{folder / ADAPTER_WEIGHTS} lacks one of the factors of {module!r}")
    magnitude = keys.get("lora_magnitude_vector")
    if embedding and magnitude:
        raise _unsupported(folder, f"it has DoRA on the embedding {module!r}")
    rank = _by_pattern(config.get("rank_pattern"), module, config["r"])
    alpha = _by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"])
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    # PEFT keeps an embedding's factors as A (r by rows) and B (columns by r).
    return LowRank(outer, inner, scale, magnitude, transposed=embedding or bool(config.get("fan_in_fan_out")))


def _by_pattern(patterns: Any, module: str, default: float) -> float:
    """Return the value of the first pattern that is the module's name or ends it after a dot, as PEFT looks it up."""
    for pattern, value in (patterns or {}).items():
        if re.fullmatch(rf"(?:.*\.)?(?:{pattern})", module):
            return float(value)
    return default


def _unsupported(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"{folder} cannot be merged: {why}",
        hint="what is merged: LoRA, rsLoRA, DoRA and saved PiSSA adapters on linear and embedding layers, with "
        "modules_to_save and biases",
    )
