"""Writes the trained model into its staging folder: adapter or whole weights, and what reads its rows with it."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.base.files import storage_errors
from forgelm.config.root import ForgeConfig
from forgelm.model.load import LoadedModel, load_base
from forgelm.model.positions import write_base_changes


def save_model(
    model: Any, loaded: LoadedModel, config: ForgeConfig, staging: Path, weights: dict[str, Any] | None = None
) -> Path:
    """Save to ``staging``, which must not exist yet, and return it. ``weights`` stand for those of a sharded model.

    Raises:
        StorageError: the disk refused; ``staging`` does not exist afterwards.
    """
    with whole_folder(staging):
        staging.parent.mkdir(parents=True, exist_ok=True)
        _save_weights(model, loaded, config, staging, weights)
        loaded.reader.save_pretrained(str(staging))
    return staging


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[None]:
    """Write ``folder`` inside the block: when that fails it is removed, whatever the failing library raised.

    Raises:
        StorageError: safetensors or torch could not write, neither of which says so with an ``OSError``.
    """
    safetensors = load_extra("safetensors", extra="train")
    try:
        with storage_errors(str(folder)):
            try:
                yield
            except (safetensors.SafetensorError, RuntimeError) as error:
                if any(word in str(error) for word in ("write", "I/O", "inline_container")):
                    raise OSError(str(error).splitlines()[0]) from error
                raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def weights_by_own_names(model: Any) -> Iterator[None]:
    """Let ``model`` save its weights inside the block under the names they have in memory.

    transformers renames those of some kinds (models that read images, mixtures of experts) to what their makers called
    them. Its trainer would then find none of them in its own checkpoint, say so in the log, and go on without.
    """
    if hasattr(model, "peft_config"):
        yield  # an adapter keeps its names
        return
    model.save_pretrained = functools.partial(model.save_pretrained, save_original_format=False)
    try:
        yield
    finally:
        del model.save_pretrained


def keep_pissa_start(model: Any, config: ForgeConfig, *, resumed: bool) -> None:
    """Keep PiSSA's first adapter: without it the trained one only fits the base weights PiSSA changed in memory."""
    if config.lora is None or config.lora.method != "pissa" or (resumed and _pissa_start(config).exists()):
        return
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(str(_pissa_start(config)), save_embedding_layers=False)
    model.peft_config["default"].init_lora_weights = "pissa"


def _save_weights(
    model: Any, loaded: LoadedModel, config: ForgeConfig, staging: Path, weights: dict[str, Any] | None
) -> None:
    whole = {} if weights is None else {"state_dict": weights}
    if config.lora is None:
        model.save_pretrained(str(staging), **whole)
        return
    # The folder a model was loaded from means nothing on another machine; the name the user gave does.
    model.peft_config["default"].base_model_name_or_path = config.model.name_or_path
    model.peft_config["default"].revision = loaded.revision.revision_resolved
    # PEFT would otherwise look the base model up on the hub to see whether its vocabulary was changed; we never do.
    options: dict[str, Any] = {"save_embedding_layers": any("embed" in name for name in config.lora.target_modules)}
    options |= whole
    if config.lora.method == "pissa":
        options["path_initial_model_for_weight_conversion"] = str(_pissa_start(config))
    if not config.training.merge_adapters:
        model.save_pretrained(str(staging), **options)
        write_base_changes(staging, config, model.config)
        return
    adapter = staging.with_name(f"{staging.name}.adapter")
    try:
        model.save_pretrained(str(adapter), **options)
        _merge(adapter, loaded, config).save_pretrained(str(staging))
    finally:
        shutil.rmtree(adapter, ignore_errors=True)


def _pissa_start(config: ForgeConfig) -> Path:
    # PEFT makes an adapter's name of the folder's, so there must be no dot in it.
    return Path(config.training.output_dir) / "pissa_start"


def _merge(adapter: Path, loaded: LoadedModel, config: ForgeConfig) -> Any:
    # Merging into the model in memory would bake in 4-bit rounding and PiSSA's changed base; the saved adapter on
    # freshly loaded, unquantised weights is what a user would merge.
    peft = load_extra("peft", extra="train")
    base = load_base(config, loaded.revision, replace(loaded.precision, four_bit=False), loaded.hardware)
    return peft.PeftModel.from_pretrained(base, str(adapter)).merge_and_unload()
