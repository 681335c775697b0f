from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damage import survive
from merging import EMBER
from safetensors.torch import load_file, save_file

from forgelm.base.errors import ModelError
from forgelm.model.weights import open_files, open_weights


def test_every_tensor_is_what_the_library_reads() -> None:
    weights = open_weights(EMBER)
    for name, tensor in load_file(EMBER / "model.safetensors").items():
        assert np.array_equal(weights.read(name), tensor.float().numpy())
        assert weights.tensors[name].shape == tuple(tensor.shape)


def test_what_is_not_plain_numbers_is_not_read(tmp_path: Path) -> None:
    save_file({"packed": torch.zeros(4, dtype=torch.uint8)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="is U8, which is not plain floating point"):
        open_weights(tmp_path).read("packed")


def test_a_folder_without_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no model\.safetensors"):
        open_weights(tmp_path)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("", "no weight_map"),
        ('{"weight_map": []}', "empty or no mapping"),
        ('{"weight_map": {"a": "../model.safetensors"}}', "not a safetensors file beside it"),
        ('{"weight_map": {"a": "model.safetensors"}}', "in none of its files"),
        ('{"weight_map": {"a": "gone.safetensors"}}', "cannot be read"),
    ],
)
def test_a_broken_index_is_refused(tmp_path: Path, index: str, message: str) -> None:
    save_file({"b": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelError, match=message):
        open_weights(tmp_path)


def test_a_tensor_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_file({"x": torch.zeros(1)}, tmp_path / f"{name}.safetensors")
    with pytest.raises(ModelError, match="in another file too"):
        open_files(tmp_path, ["a.safetensors", "b.safetensors"])


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {},
        {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0]},
        {"dtype": "F32", "shape": [1] * 9, "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 4]},
    ],
)
def test_an_entry_that_lies_is_refused(tmp_path: Path, entry: Any) -> None:
    header = json.dumps({"x": entry}).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be used"):
        open_weights(tmp_path)


@pytest.mark.parametrize("count", [150, pytest.param(5000, marks=pytest.mark.torture)])
def test_damaged_files_end_in_a_typed_error(count: int, tmp_path: Path) -> None:
    """Either the weights open and every tensor can be read, or a typed error says why not."""
    survived = survive("safetensors", count, tmp_path)
    assert min(survived.read, survived.refused) > count / 50


def test_a_file_cut_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"x": torch.zeros(100)}, path)
    weights = open_weights(tmp_path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelError, match="ends inside the tensor 'x'"):
        weights.read("x")
