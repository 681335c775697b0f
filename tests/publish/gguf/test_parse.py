"""What the format allows is read as the gguf package reads it; whatever else is there is a typed error, at once."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from damage import survive
from gguf_files import entry, file_of, tensor, text, write_small

from forgelm.publish.gguf.parse import ArrayShape, GgufError, parse_gguf

ARCHITECTURE = entry("general.architecture", 8, text("llama"))
MANY = struct.pack("<Q", 2**40)


@pytest.mark.parametrize("big", [False, True])
def test_a_file_is_read_as_the_package_reads_it(tmp_path: Path, big: bool) -> None:
    import gguf

    path = write_small(tmp_path / "m.gguf", tokens=5000, big=big)
    parsed, theirs = parse_gguf(path), gguf.GGUFReader(str(path))
    assert [(t.name, list(t.shape), t.kind, t.start, t.size_bytes) for t in parsed.tensors] == [
        (t.name, t.shape.tolist(), t.tensor_type.name, t.data_offset, t.n_bytes) for t in theirs.tensors
    ]
    for key, value in parsed.metadata.items():
        field = theirs.get_field(key)
        assert field is not None
        if isinstance(value, ArrayShape):
            assert (value.length, value.kind) == (len(field.data), int(field.types[1]))
        else:
            assert value == field.contents()
    assert set(parsed.metadata) == {name for name in theirs.fields if not name.startswith("GGUF.")}
    assert parsed.data_start == theirs.data_offset


def test_long_strings_cross_the_window(tmp_path: Path) -> None:
    words = ["x" * length for length in (0, 70_000, 1, 300_000, 65_528, 8, 65_536)] * 3
    path = write_small(tmp_path / "m.gguf", tokens=len(words), token_list=words)
    parsed = parse_gguf(path)
    assert parsed.metadata["tokenizer.ggml.tokens"] == ArrayShape(8, len(words))
    assert parsed.metadata["tokenizer.chat_template"] == "{{ messages }}"


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "ends in the middle of the magic"),
    "other": (b"PK\x03\x04" + bytes(40), "does not begin with GGUF"),
    "version": (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "its version is 1"),
    "cut": (b"GGUF" + struct.pack("<I", 3), "ends in the middle of the number of tensors"),
    "tensors": (file_of(tensors=2**60), "claims 1152921504606846976 tensors"),
    "entries": (file_of(entries=2**63), "metadata entries, more than it has room for"),
    "key": (file_of(MANY, bytes(20), entries=1), "longer than the file"),
    "blank key": (file_of(text(""), bytes(20), entries=1), "is 0 bytes long"),
    "not utf-8": (file_of(text(b"\xff\xff"), bytes(20), entries=1), "is not UTF-8"),
    "kind": (file_of(entry("k", 99, bytes(8)), entries=1), "'k' is of the unknown type 99"),
    "bool": (file_of(entry("k", 7, b"\x02"), entries=1), "neither true nor false"),
    "text": (file_of(entry("k", 8, MANY), entries=1), "longer than the file"),
    "array": (file_of(entry("k", 9, struct.pack("<I", 4) + MANY), entries=1), "array 'k' is longer than the file"),
    "strings": (file_of(entry("k", 9, struct.pack("<I", 8) + MANY), entries=1), "array 'k' is longer than the file"),
    "string": (
        file_of(entry("k", 9, struct.pack("<IQQ", 8, 2, 2**64 - 1) + bytes(20)), entries=1),
        "array 'k' is longer than the file",
    ),
    "arrays": (file_of(entry("k", 9, struct.pack("<IQ", 9, 1)), entries=1), "which no model needs"),
    "twice": (file_of(ARCHITECTURE, ARCHITECTURE, entries=2), "is there twice"),
    "alignment": (
        file_of(entry("general.alignment", 4, struct.pack("<I", 3)), entries=1),
        "general.alignment is 3, which is no power of two",
    ),
    "dimensions": (file_of(tensor("t", [1] * 5), tensors=1), "'t' has 5 dimensions"),
    "no dimensions": (file_of(tensor("t", []), bytes(8), tensors=1), "'t' has 0 dimensions"),
    "tensor type": (file_of(tensor("t", [32], kind=77), tensors=1), "of the unknown type 77"),
    "packing": (file_of(tensor("t", [33], kind=8), tensors=1), "33 numbers, which Q8_0 cannot pack"),
    "overflow": (file_of(tensor("t", [2**32, 2**32]), tensors=1), "impossible shape"),
    "nothing": (file_of(tensor("t", [0]), tensors=1), "impossible shape"),
    "place": (file_of(tensor("t", [1], offset=3), tensors=1, data=bytes(64)), "a multiple of 32 bytes"),
    "end": (file_of(tensor("t", [100]), tensors=1, data=bytes(64)), "ends behind the end of the file"),
    "overlap": (
        file_of(tensor("a", [16]), tensor("b", [8], offset=32), tensors=2, data=bytes(64)),
        "'a' and 'b' overlap",
    ),
    "names": (
        file_of(tensor("a", [8]), tensor("a", [8], offset=32), tensors=2, data=bytes(64)),
        "two tensors have the same name",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_true_is_refused(tmp_path: Path, case: str) -> None:
    data, message = BROKEN[case]
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(GgufError) as caught:
        parse_gguf(path)
    assert message in caught.value.message


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.torture)])
def test_damaged_files_end_in_a_typed_error(count: int, tmp_path: Path) -> None:
    survived = survive("gguf", count, tmp_path)
    assert survived.refused > count / 2


def test_texts_without_end_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(file_of(*(entry(f"k{number}", 8, text("x" * 2**20)) for number in range(70)), entries=70))
    with pytest.raises(GgufError, match="names and texts are larger than 64 MiB"):
        parse_gguf(path)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    data: Any = write_small(tmp_path / "whole.gguf").read_bytes()
    path = tmp_path / "cut.gguf"
    for end in [*range(0, 1500, 7), len(data) - 1]:
        path.write_bytes(data[:end])
        with pytest.raises(GgufError):
            parse_gguf(path)
