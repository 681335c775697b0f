"""GGUF files for tests: one made by the gguf package, bytes made by hand, and damage."""

from __future__ import annotations

import random
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


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Return ``data`` damaged: bytes and lengths changed, pieces lost, moved or doubled, or the end cut off."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(max(1, min(len(changed) - 8, 2200)))
        kind = draw.randrange(5)
        if kind == 0:
            changed[place] = draw.randrange(256)
        elif kind == 1:
            numbers = (0, 1, 7, 2**31, 2**32 - 1, 2**63, 2**64 - 1, draw.getrandbits(64), draw.getrandbits(12))
            changed[place : place + 8] = struct.pack("<Q", draw.choice(numbers))
        elif kind == 2:
            del changed[place : place + draw.randint(1, 40)]
        elif kind == 3:
            changed[place:place] = changed[place : place + draw.randint(1, 200)]
        elif draw.random() < 0.3:
            del changed[draw.randrange(len(changed)) :]
        if len(changed) < 16:
            break
    return bytes(changed)
