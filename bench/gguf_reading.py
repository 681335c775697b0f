"""Reading a GGUF file's structure against the gguf package's own reader, on a vocabulary the size of Llama 3's."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.timing import middle, spread
from forgelm.publish.gguf.parse import parse_gguf
from forgelm.publish.gguf.verify import verify_gguf

_TOKENS, _MERGES, _WIDTH = 128_256, 280_147, 64


def main() -> None:
    import gguf

    with tempfile.TemporaryDirectory() as folder:
        path = _write(gguf, Path(folder) / "model.gguf")
        took: dict[str, list[float]] = {"gguf.GGUFReader": [], "parse_gguf": [], "verify_gguf": []}
        for turn in range(4):
            for name, work in (
                ("gguf.GGUFReader", lambda: gguf.GGUFReader(str(path))),
                ("parse_gguf", lambda: parse_gguf(path)),
                ("verify_gguf", lambda: verify_gguf(str(path))),
            ):
                seconds = _cpu_seconds(work)
                if turn:
                    took[name].append(seconds)
    print(f"\na GGUF file with {_TOKENS:,} tokens and {_MERGES:,} merges, CPU seconds: least / median / most of 3")
    for name, values in took.items():
        print(f"  {name:<16} {spread(values)}")
    ratios = [theirs / ours for theirs, ours in zip(took["gguf.GGUFReader"], took["parse_gguf"], strict=True)]
    print(f"  parse_gguf is {middle(ratios):.0f} times as fast  (target >= 300)")


def _write(gguf: Any, path: Path) -> Path:
    import numpy

    draw = random.Random(0)
    tokens = ["".join(draw.choices("abcdefghij", k=draw.randint(1, 11))) + str(number) for number in range(_TOKENS)]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * _TOKENS)
    writer.add_token_merges([" ".join(draw.sample(tokens, 2)) for _ in range(_MERGES)])
    writer.add_tensor("token_embd.weight", numpy.zeros((_TOKENS, _WIDTH), "f2"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
