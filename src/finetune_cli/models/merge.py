"""An adapter and its base to one model that answers as both did, which is measured before it is called done."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from finetune_cli.core.exceptions import InvalidConfigError, ModelLoadError
from finetune_cli.core.translate import model_errors
from finetune_cli.core.types import DeviceType, ModelConfig
from finetune_cli.models.folders import find_folder, is_adapter, load_any
from forgelm.base.extras import load_extra
from forgelm.base.network import is_offline
from forgelm.model.load import release_memory
from forgelm.publish.merging import merge_adapter

# Largest difference of the logits, relative to the largest logit.
TOLERANCE = MappingProxyType({"float32": 1e-3, "float16": 2e-2, "bfloat16": 6e-2})
_TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "### Instruction:\nName three colours.\n\n### Response:\n",
    "1",
)


@dataclass(frozen=True)
class MergeResult:
    """``difference`` is the largest of the merged model's logits from base and adapter's, relative to the largest."""

    output_dir: Path
    base_model: str
    dtype: str
    difference: float


def merge_and_prove(adapter: str, output_dir: str, base_model: str, dtype: str = "float32") -> MergeResult:
    """Write the merged model to the new folder ``output_dir``.

    Raises:
        InvalidConfigError: there is no such dtype, or the folder exists and is not empty.
        ModelLoadError: there is no adapter, its base is another one, or the merged model answers differently.
    """
    if dtype not in TOLERANCE:
        raise InvalidConfigError(f"there is no dtype {dtype!r}", field="--dtype", hint=f"one of {', '.join(TOLERANCE)}")
    target = Path(output_dir).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidConfigError(f"{output_dir} exists and is not an empty folder", hint="give another folder")
    folder = find_folder(adapter)
    if not is_adapter(folder):
        raise ModelLoadError(str(folder), "it is a whole model, with no adapter to merge")
    with model_errors(str(folder)):
        merge_adapter(folder, target, base_model=base_model, dtype=dtype, offline=is_offline())
    try:
        wanted = _logits(str(folder), base_model)
        found = _logits(str(target), None)
        difference = max(
            float((one - two).abs().max() / one.abs().max()) for one, two in zip(wanted, found, strict=True)
        )
        if not difference <= TOLERANCE[dtype]:
            raise ModelLoadError(
                str(target), f"the merged model's logits differ by {difference:.2g} from those of base and adapter"
            )
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return MergeResult(target, base_model, dtype, difference)


def _logits(name: str, base_model: str | None) -> list[Any]:
    torch = load_extra("torch", extra="train")
    model, tokenizer = load_any(name, base_model, ModelConfig(name, DeviceType.CPU, "float32"))
    model.eval()
    with torch.no_grad():
        rows = [tokenizer(text, return_tensors="pt")["input_ids"] for text in _TEXTS]
        found = [model(input_ids=ids).logits[0].double() for ids in rows if ids.shape[1]]
    del model
    release_memory()
    return found
