"""Compressed files and addresses."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from forgelm.audit.reading.streams import COMPRESSIONS, open_address, open_path, open_system
from forgelm.base.errors import DataError

DATA = b'{"text": "hello"}\n' * 1000


def _pack(data: bytes, ending: str) -> bytes:
    packers = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    if ending in packers:
        return packers[ending](data)
    return pa.compress(data, codec=COMPRESSIONS[ending], asbytes=True) if ending != ".lz4" else _pack_lz4(data)


def _pack_lz4(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("ending", COMPRESSIONS)
def test_compressed_files_are_unpacked(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(_pack(DATA, ending))
    with open_path(path, COMPRESSIONS[ending]) as stream:
        assert b"".join(iter(lambda: stream.read(500), b"")) == DATA


def test_two_packed_parts_are_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(DATA) + gzip.compress(b"more"))
    with open_path(path, "gzip") as stream:
        assert stream.read(1 << 20) + stream.read(1 << 20) == DATA + b"more"


def test_addresses() -> None:
    with fsspec.open("memory://streams/a.jsonl", "wb") as stream:
        stream.write(DATA)
    with open_address("memory://streams/a.jsonl", None) as stream:
        assert stream.read() == DATA
    assert open_system("memory://streams")[1].strip("/") == "streams"


@pytest.mark.parametrize("address", ["memory://nothing/here.jsonl", "nosuchprotocol://x/y.jsonl"])
def test_what_cannot_be_opened_is_named(address: str) -> None:
    with pytest.raises(DataError, match=address.partition("://")[0]):
        open_address(address, None)
