"""How a model sees positions: what a training changes about that, and the file beside an adapter that says it.

An adapter's own files name its base and tell nothing of what was changed in the base's configuration. Whoever puts the
adapter on the plain base would serve another model than the one that was trained and judged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.files import write_json
from forgelm.config.root import ForgeConfig

BASE_CHANGES = "base_changes.json"
_ROPE, _WINDOW = "rope_parameters", "sliding_window"


def change_positions(architecture: Any, config: ForgeConfig, name: str) -> None:
    """Set in transformers' configuration ``architecture`` what ``config.training`` says about positions.

    Raises:
        ModelError: the model called ``name`` has nothing that could be set, or the setting would have no effect.
    """
    text, training = architecture.get_text_config(), config.training
    if training.rope_scaling:
        _scale_rope(text, dict(training.rope_scaling), name)
    if training.sliding_window_attention is not None:
        _set_window(text, training.sliding_window_attention, name)


def write_base_changes(folder: Path, config: ForgeConfig, architecture: Any) -> Path | None:
    """Write beside an adapter what was changed in its base's configuration; ``None`` where nothing was."""
    text, training, changes = architecture.get_text_config(), config.training, dict[str, Any]()
    if training.rope_scaling:
        changes[_ROPE] = dict(text.rope_parameters)
    if training.sliding_window_attention is not None:
        changes[_WINDOW] = training.sliding_window_attention
    return write_json(folder / BASE_CHANGES, changes) if changes else None


def read_base_changes(folder: Path) -> dict[str, Any]:
    """Return what the adapter in ``folder`` needs changed in its base's configuration; empty where it is nothing.

    Raises:
        ModelError: the file is not what is written there.
    """
    path = folder / BASE_CHANGES
    if not path.is_file():
        return {}
    try:
        changes = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from None
    if not isinstance(changes, dict) or not _is_sound(changes):
        raise ModelError(f"{path} does not say how the base model is to see positions")
    return changes


def with_base_changes(config: ForgeConfig, folder: Path) -> ForgeConfig:
    """Return ``config`` as it loads the base of the adapter in ``folder``."""
    changes = read_base_changes(folder)
    scaled = config.replace("training.rope_scaling", changes.get(_ROPE))
    return scaled.replace("training.sliding_window_attention", changes.get(_WINDOW))


def changed_architecture(place: str, adapter: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return as ``config=`` of ``from_pretrained`` the base model's configuration as ``adapter`` needs it.

    Empty where it needs no change. ``options`` are those the model in ``place`` is loaded with.
    """
    changes = read_base_changes(adapter) if adapter is not None else {}
    if not changes:
        return {}
    architecture = load_extra("transformers", extra="train").AutoConfig.from_pretrained(place, **options)
    text = architecture.get_text_config()
    for name, value in changes.items():
        setattr(text, name, value)
    return {"config": architecture}


def changed_config(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a ``config.json`` with ``changes`` in it, in the words that it has for them already."""
    nested = isinstance(config.get("text_config"), dict)
    text = dict(config["text_config"] if nested else config)
    if _ROPE in changes:
        rope = dict(changes[_ROPE])
        if _ROPE not in text and "rope_theta" in text:
            text["rope_theta"] = rope.pop("rope_theta", text["rope_theta"])
            text["rope_scaling"] = rope
        else:
            text.pop("rope_scaling", None)
            text[_ROPE] = rope
    if _WINDOW in changes:
        text[_WINDOW] = changes[_WINDOW]
    return {**config, "text_config": text} if nested else text


def read_positions(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the model of a ``config.json`` sees positions, in the form of ``changes``."""
    text = config["text_config"] if isinstance(config.get("text_config"), dict) else config
    window = text.get(_WINDOW) if text.get("use_sliding_window", True) else None
    return {_ROPE: read_rope(text), _WINDOW: window}


def read_rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how positions turn into angles, from either of the two places where a ``config.json`` says it."""
    old = config.get("rope_scaling") or {}
    rope = {**old, **(config.get(_ROPE) or {})}
    rope.setdefault("rope_type", rope.get("type", "default"))
    if "rope_theta" not in rope and config.get("rope_theta") is not None:
        rope["rope_theta"] = config["rope_theta"]
    return rope


def sees_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two models see positions alike. What only one of them spells out is taken for the other's default."""
    left, right = (read_positions(config) for config in (one, other))
    ropes = left[_ROPE], right[_ROPE]
    shared = ropes[0].keys() & ropes[1].keys()
    return left[_WINDOW] == right[_WINDOW] and all(ropes[0][key] == ropes[1][key] for key in shared)


def _scale_rope(text: Any, asked: dict[str, Any], name: str) -> None:
    kind = asked.setdefault("rope_type", asked.get("type"))
    asked.pop("type", None)
    before = getattr(text, _ROPE, None)
    if before is None:
        raise ModelError(
            f"{name} does not turn positions into angles, so training.rope_scaling has nothing to scale",
            hint="leave it out: a model with positions of its own reads max_position_embeddings and no more",
        )
    if text.nested_rope_parameter_keys(before):
        raise ModelError(
            f"{name} turns positions into angles by the kind of layer, which training.rope_scaling cannot say",
            hint="leave it out, or set rope_parameters in the model's own config.json",
        )
    text.rope_parameters = {**before, **asked}
    text.standardize_rope_params()
    if kind == "longrope":
        _check_factors(text, name)


def _check_factors(text: Any, name: str) -> None:
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    wanted = int(head * text.rope_parameters.get("partial_rotary_factor", 1.0)) // 2
    for key in ("short_factor", "long_factor"):
        if (found := len(text.rope_parameters[key])) != wanted:
            raise ModelError(f"training.rope_scaling: {key} has {found} numbers, and {name} has {wanted} frequencies")


def _set_window(text: Any, tokens: int, name: str) -> None:
    if not hasattr(text, _WINDOW):
        raise ModelError(f"{name} has no sliding-window attention to set")
    kinds = getattr(text, "layer_types", None)
    if kinds and "sliding_attention" not in kinds:
        raise ModelError(
            f"no layer of {name} attends within a window (layer_types), so training.sliding_window_attention has no "
            "effect",
            hint="leave it out, or name its layers' kinds in the model's own config.json",
        )
    text.sliding_window = tokens


def _is_sound(changes: Mapping[str, Any]) -> bool:
    window = changes.get(_WINDOW, 1)
    return set(changes) <= {_ROPE, _WINDOW} and isinstance(changes.get(_ROPE, {}), dict) and type(window) is int
