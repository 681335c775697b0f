"""Models and adapters to a merged model, tensor by tensor from disk to disk: memory stays near one tensor."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ModelError
from forgelm.model.merge.companions import check_token_ids, copy_companions, write_model_config
from forgelm.model.merge.methods import derive_seed, merge_dare, merge_linear, merge_slerp, merge_ties
from forgelm.model.merge.state import HEAD, State
from forgelm.model.numbers import FLOAT_SIZES, encode_floats
from forgelm.model.positions import changed_config, read_positions, sees_alike
from forgelm.model.write_weights import Planned, write_weights


@dataclass(frozen=True)
class Source:
    """One model of a merge and its share of it; ``digest`` stands for the bytes of its weights."""

    state: State
    weight: float
    digest: str


@dataclass(frozen=True)
class Recipe:
    """How models are merged. ``method`` is ``linear``, ``slerp``, ``ties`` or ``dare``."""

    method: str
    ties_trim_fraction: float = 0.2
    dare_drop_rate: float = 0.3
    dare_seed: int = 42


def write_merged_adapter(target: Path, state: State, *, dtype: str | None = None) -> Path:
    """Write the base model of ``state`` with its adapter merged in into the empty folder ``target``.

    The numbers stay of the base's type unless ``dtype`` (``F32``, ``F16``, ``BF16``) says otherwise.

    Raises:
        ModelError: the adapter does not fit the base.
        OSError: something could not be written.
    """
    plan = _as_type(state.plan(), dtype)
    _refuse_odd_resizing(state)

    def produce(item: Planned) -> Any:
        stored = state.weights.tensors.get(item.name)
        if stored is not None and stored.dtype == item.dtype and not state.is_changed(item.name):
            return state.weights.read_bytes(item.name)
        return encode_floats(_check_range(state.read(item.name), item), item.dtype)

    write_weights(target, plan, produce)
    copy_companions(target, state.weights.folder, [state.adapter.folder] if state.adapter else [])
    write_model_config(target, state, dtype)
    _check_vocabulary(target, state)
    return target


def write_blend(target: Path, base: State, sources: Sequence[Source], recipe: Recipe) -> Path:
    """Write what ``recipe`` makes of ``sources`` (differences are taken from ``base``) into the empty ``target``.

    The order of the sources makes no difference, and the same sources give the same bytes.

    Raises:
        ModelError: the models are not of one shape.
        ConfigError: the weights add up to nothing.
        OSError: something could not be written.
    """
    # Floating-point sums depend on their order; that of the sources' bytes is the same whatever the user wrote.
    ordered = sorted(sources, key=lambda source: (source.digest, source.weight))
    total = sum(source.weight for source in ordered)
    if not total > 0:
        raise ConfigError("the weights of the models to merge add up to 0", hint="give at least one a weight above 0")
    ordered = [replace(source, weight=source.weight / total) for source in ordered]
    check_same_shape([base, *(source.state for source in ordered)])
    base = replace(base, config=_shared_positions(base, ordered))
    split = any(HEAD in _shapes(source.state) for source in ordered)
    plan = [*base.plan()]
    if split and HEAD not in _shapes(base):
        plan.append(replace(next(item for item in plan if item.name == base.table), name=HEAD))

    def produce(item: Planned) -> Any:
        if item.dtype not in FLOAT_SIZES:
            return base.weights.read_bytes(item.name)
        return encode_floats(_check_range(_blend(base, ordered, recipe, item.name), item), item.dtype)

    write_weights(target, plan, produce)
    copy_companions(target, base.weights.folder, [_tokenizer_folder(source.state) for source in ordered])
    untied = replace(base, config={**base.config, "tie_word_embeddings": False}) if split else base
    write_model_config(target, untied, None)
    _check_vocabulary(target, base)
    return target


def check_same_shape(states: Sequence[State]) -> None:
    """Raise ``ModelError`` unless all models have the same tensors in the same shapes; it names the first that differ.

    A model whose output layer is its input embedding may stand beside one that has both.
    """
    first, *others = states
    wanted = _shapes(first)
    for other in others:
        found = _shapes(other)
        different = sorted(name for name in {*wanted, *found} - {HEAD} if wanted.get(name) != found.get(name))
        if HEAD in found and HEAD in wanted and wanted[HEAD] != found[HEAD]:
            different.append(HEAD)
        if HEAD in {*found, *wanted} and any(HEAD not in _shapes(one) and not one.is_tied for one in (first, other)):
            different.append(HEAD)
        if different:
            name = different[0]
            shapes = [
                f"{list(shapes[name])} in {state.label}" if name in shapes else f"not there in {state.label}"
                for shapes, state in ((wanted, first), (found, other))
            ]
            raise ModelError(
                f"models of different shapes cannot be merged: {name} is {' and '.join(shapes)} "
                f"({len(different)} of {len({*wanted, *found})} tensors differ)",
                hint="all must be fine-tunes of the same base model; set model.name_or_path to it",
            )


def measure_digest(state: State) -> str:
    """Return the SHA-256 (hex) over the weight files of a model, or over those of its adapter when it has one."""
    weights = state.adapter.weights if state.adapter else state.weights
    digest = hashlib.sha256()
    for path in sorted({tensor.file for tensor in weights.tensors.values()}):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _blend(base: State, sources: Sequence[Source], recipe: Recipe, name: str) -> Any:
    versions = [source.state.read(name) for source in sources]
    weights = [source.weight for source in sources]
    if recipe.method == "linear":
        return merge_linear(versions, weights)
    if recipe.method == "slerp":
        return merge_slerp(versions, weights)
    start = base.read(name)
    if recipe.method == "ties":
        return merge_ties(start, versions, weights, trim_fraction=recipe.ties_trim_fraction)
    seeds = [derive_seed(recipe.dare_seed, name, source.digest) for source in sources]
    return merge_dare(start, versions, weights, drop_rate=recipe.dare_drop_rate, seeds=seeds)


def _shared_positions(base: State, sources: Sequence[Source]) -> dict[str, Any]:
    """Return the base's configuration, with positions seen as all of ``sources`` see them."""
    first, *others = (source.state for source in sources)
    for other in others:
        if not sees_alike(first.config, other.config):
            raise ModelError(
                f"{first.label} and {other.label} see positions differently (rope scaling or sliding window)",
                hint="merge models that were trained alike",
            )
    if sees_alike(base.config, first.config):
        return base.config
    return changed_config(base.config, read_positions(first.config))


def _shapes(state: State) -> dict[str, tuple[int, ...]]:
    return {item.name: item.shape for item in state.plan()}


def _tokenizer_folder(state: State) -> Path:
    return state.adapter.folder if state.adapter else state.weights.folder


def _check_vocabulary(target: Path, state: State) -> None:
    if state.table is not None:
        check_token_ids(target, _shapes(state)[state.table][0])


def _as_type(plan: Sequence[Planned], dtype: str | None) -> list[Planned]:
    return [replace(item, dtype=dtype) if dtype and item.dtype in FLOAT_SIZES else item for item in plan]


def _refuse_odd_resizing(state: State) -> None:
    rows = {item.name: item.shape[0] for item in state.plan() if item.name in (HEAD, state.table)}
    if len(set(rows.values())) > 1:
        raise ModelError(
            f"the adapter changed the number of rows of one of the embeddings only: {rows}",
            hint="save the adapter with both: save_embedding_layers=True",
        )


def _check_range(values: Any, item: Planned) -> Any:
    """Return ``values``, or refuse when float16 has no number for them or they are not numbers at all."""
    limit = {"F16": 65504.0}.get(item.dtype, float("inf"))
    largest = float(abs(values).max()) if values.size else 0.0
    if not largest <= limit or largest == float("inf"):
        raise ModelError(
            f"the merged tensor {item.name!r} does not fit {item.dtype}: its largest number is {largest:g}",
            hint="write it as float32 or bfloat16, or look at the models: one of them may have diverged",
        )
    return values
