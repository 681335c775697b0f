"""GGUF files for tests: one made by the gguf package, and bytes made by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any


def write_small(path: Path, *, tokens: int = 40, big: bool = False, **changes: Any) -> Path:
    """Write a small file with a tokenizer through the gguf package; ``changes`` replace parts of it."""
    import gguf
    import numpy as np

    order = gguf.GGUFEndian.BIG if big else gguf.GGUFEndian.LITTLE
    writer = gguf.GGUFWriter(str(path), "llama", endianess=order)
    writer.add_block_count(1)
    writer.add_float32("llama.rope.freq_base", 10000.0)
    writer.add_bool("general.flag", True)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(changes.get("token_list", [f"token {number}" for number in range(tokens)]))
    writer.add_token_types(changes.get("types", [1] * tokens))
    writer.add_token_merges(["a b", "c d"])
    writer.add_eos_token_id(changes.get("eos", 1))
    writer.add_chat_template("{{ messages }}")
    for number in range(2):
        writer.add_tensor(f"blk.{number}.w", np.ones((8, 32), "f2"))
    writer.add_tensor("token_embd.weight", np.ones((changes.get("rows", tokens), 32), "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def tensor(name: str, shape: list[int], kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def file_of(*parts: bytes, tensors: int = 0, entries: int = 0, data: bytes = b"") -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, entries) + b"".join(parts)
    return head + (bytes(-len(head) % 32) + data if data else b"")
