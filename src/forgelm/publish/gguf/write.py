"""Writes a model's tensors, metadata and tokenizer into one GGUF file, holding one tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.merge.state import HEAD, State
from forgelm.publish.gguf.families import Family, arrange, check_tensors, describe_model, rope_factors, target_name
from forgelm.publish.gguf.quantise import kind_number, packed_size, quantise
from forgelm.publish.gguf.recipes import Outline, Quant, choose_packing
from forgelm.publish.gguf.tokenizer import TokenizerBlock
from forgelm.publish.gguf.types import PACKINGS

_QUANTISATION_VERSION = 2
_LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class Content:
    """Everything that goes into a file. ``about`` is further metadata by whole key: text or whole numbers."""

    state: State
    family: Family
    tokenizer: TokenizerBlock
    template: str | None
    quant: Quant
    about: Mapping[str, str | int]


@dataclass(frozen=True)
class _Entry:
    source: str
    name: str
    shape: tuple[int, ...]
    kind: str


def write_gguf(path: Path, content: Content) -> dict[str, str]:
    """Write the file and return how each tensor was packed, by its name in the file.

    Raises:
        ModelError: a tensor has no place in such a file, or numbers its type cannot hold.
        OSError: it could not be written.
    """
    gguf = load_extra("gguf", extra="export")
    writer = gguf.GGUFWriter(str(path), content.family.name)
    try:
        _add_metadata(writer, content)
        _add_tokenizer(writer, content)
        factors = rope_factors(content.state.config)
        entries = _plan(content)
        if factors is not None:
            _announce(gguf, writer, _Entry("", "rope_freqs.weight", factors.shape, "F32"))
        for entry in entries:
            _announce(gguf, writer, entry)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for entry in entries:
            writer.write_tensor_data(_pack(content, entry))
        writer.flush()
    finally:
        writer.close()
    return {entry.name: entry.kind for entry in entries}


def _plan(content: Content) -> list[_Entry]:
    config, planned = content.state.config, content.state.plan()
    outline = Outline(
        config["num_hidden_layers"],
        config["num_attention_heads"] // int(config.get("num_key_value_heads") or config["num_attention_heads"]),
        any(item.name == HEAD for item in planned),
    )
    entries = []
    for item in planned:
        name = target_name(item.name)
        if name is not None:
            entries.append(
                _Entry(item.name, name, item.shape, choose_packing(name, item.shape, content.quant, outline))
            )
    check_tensors(content.family, config, {entry.name: entry.shape for entry in entries})
    return entries


def _announce(gguf: Any, writer: Any, entry: _Entry) -> None:
    np = load_extra("numpy", extra="export")
    number = kind_number(entry.kind)
    size = packed_size(entry.shape, entry.kind)
    shape: tuple[int, ...] = entry.shape
    dtype = np.dtype({"F32": "f4", "F16": "f2"}.get(entry.kind, "u1"))
    if dtype == np.uint8:
        packing = PACKINGS[number]
        shape = (*shape[:-1], shape[-1] // packing.numbers * packing.size)
    writer.add_tensor_info(entry.name, shape, dtype, size, raw_dtype=gguf.GGMLQuantizationType(number))


def _pack(content: Content, entry: _Entry) -> Any:
    np = load_extra("numpy", extra="export")
    values = arrange(entry.name, content.state.read(entry.source), content.family, content.state.config)
    largest = float(np.abs(values).max()) if values.size else 0.0
    if not largest < float("inf"):
        raise ModelError(f"the tensor {entry.source!r} holds numbers that are not finite: the model is broken")
    if entry.kind == "F16" and largest > _LARGEST_HALF:
        raise ModelError(f"the tensor {entry.source!r} reaches {largest:g}, and float16 ends at {_LARGEST_HALF:g}")
    return quantise(values, entry.kind)


def _add_metadata(writer: Any, content: Content) -> None:
    described, _ = describe_model(content.family, content.state.config)
    for key, value in {**described, **content.about}.items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif value < 1 << 32:
            writer.add_uint32(key, value)
        else:
            writer.add_uint64(key, value)
    writer.add_file_type(content.quant.file_type)
    writer.add_quantization_version(_QUANTISATION_VERSION)


def _add_tokenizer(writer: Any, content: Content) -> None:
    block = content.tokenizer
    writer.add_tokenizer_model(block.model)
    writer.add_tokenizer_pre(block.way)
    writer.add_token_list(list(block.tokens))
    writer.add_token_types(list(block.kinds))
    if block.merges:
        writer.add_token_merges(list(block.merges))
    if block.scores:
        writer.add_token_scores(list(block.scores))
    for key, value in block.extra.items():
        name = f"tokenizer.ggml.{key}"
        if isinstance(value, bool):
            writer.add_bool(name, value)
        else:
            writer.add_uint32(name, value)
    if content.template is not None:
        writer.add_chat_template(content.template)
