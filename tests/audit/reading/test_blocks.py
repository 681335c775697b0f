"""Files cut into blocks anywhere hold the same rows, each once and in order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from forgelm.audit.reading.blocks import iterate_blocks, read_block, read_lines
from forgelm.audit.reading.find import find_source
from forgelm.audit.reading.source import Source

ROWS = [{"text": "x" * size} for size in (1, 90, 3, 0, 7, 400, 2, 2)]
DATA = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


def _read(source: Source, block_bytes: int) -> list[dict[str, str]]:
    found = []
    for block in iterate_blocks(source, block_bytes=block_bytes):
        for batch in read_block(source.files[block.file], block):
            found += [batch.read_row(row) for row in range(len(batch))]
    return found


@pytest.mark.parametrize("block_bytes", [1, 2, 13, 14, 15, 64, 500, 1 << 20])
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_any_cut_gives_every_row_once(block_bytes: int, end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + DATA.rstrip(b"\n") + end)
    assert _read(find_source(str(path)), block_bytes) == ROWS
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert _read(find_source(str(packed)), block_bytes) == ROWS


def test_utf16_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "grün"}\n{"text": "😀"}\n', encoding="utf-16")
    source = find_source(str(path))
    assert _read(source, 8) == [{"text": "grün"}, {"text": "😀"}]
    assert "UTF-16" in source.notes[0]


def test_what_was_added_since_the_file_was_found_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(DATA)
    source = find_source(str(path))
    with path.open("ab") as stream:
        stream.write(b'{"text": "late"}\n')
    assert _read(source, 64) == ROWS


def test_lines_are_given_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(DATA)
    source = find_source(str(path))
    lines = [
        line for block in iterate_blocks(source, block_bytes=1 << 20) for line in read_lines(source.files[0], block)
    ]
    assert b"\n".join(lines) + b"\n" == DATA


@pytest.mark.torture
def test_one_line_of_200_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"text": "' + b"word " * 40_000_000 + b'"}\n{"text": "next"}\n')
    source = find_source(str(path))
    sizes = []
    for block in iterate_blocks(source):
        for batch in read_block(source.files[0], block):
            sizes += [len(batch.read_row(row)["text"]) for row in range(len(batch))]
    assert sizes == [200_000_000, 4]
