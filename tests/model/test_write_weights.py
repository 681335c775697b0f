from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from forgelm.model.weights import open_weights
from forgelm.model.write_weights import Planned, write_weights

PLAN = [Planned("a", "F32", (2, 3)), Planned("b.ä", "F16", (5,)), Planned("c", "I64", ()), Planned("d", "F32", (0, 4))]


def ones(item: Planned) -> Any:
    return np.ones(item.shape, {"F32": "f4", "F16": "f2", "I64": "i8"}[item.dtype]).reshape(-1).view("u1")


def test_one_file_is_what_the_library_reads(tmp_path: Path) -> None:
    assert write_weights(tmp_path, PLAN, ones) == [tmp_path / "model.safetensors"]
    found = load_file(tmp_path / "model.safetensors")
    assert {name: tensor.shape for name, tensor in found.items()} == {item.name: item.shape for item in PLAN}
    assert all((tensor == 1).all() for tensor in found.values())


def test_many_files_have_an_index(tmp_path: Path) -> None:
    written = write_weights(tmp_path, PLAN, ones, shard_bytes=20)
    assert [path.name for path in written] == [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)] or len(
        written
    ) > 1
    index = json.loads((tmp_path / "model.safetensors.index.json").read_bytes())
    assert index["metadata"]["total_size"] == 24 + 10 + 8
    assert set(index["weight_map"]) == {item.name for item in PLAN}
    assert set(open_weights(tmp_path).tensors) == {item.name for item in PLAN}


def test_another_number_of_bytes_than_planned_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a: 8 bytes instead of 24"):
        write_weights(tmp_path, PLAN[:1], lambda item: bytes(8))
