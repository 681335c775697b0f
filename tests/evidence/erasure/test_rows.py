"""Rows are found by their id as people write it, and removed so that every other byte stays."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_bytes
from forgelm.evidence.erasure.rows import find_rows, name_row, read_row, remove_rows, row_address


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "row_id", "lines", "rule"),
    [
        (b'{"id": "a"}\n{"id": "b"}\n', "b", (2,), "exact"),
        (b'{"row_id": "a"}\n{"id": 7}\n', "7", (2,), "exact"),
        (b'{"id": "a", "row_id": "x"}\n', "x", (1,), "exact"),
        (b'{"id": "\\u0061da@x.org"}\n', "ada@x.org", (1,), "exact"),
        (b'{"id": "Ada@X.org"}\n{"id": "bob"}\n', "ada@x.ORG ", (1,), "normalised"),
        ('{"id": "\uff41da"}\n'.encode(), "ADA", (1,), "normalised"),
        (b'{"id": "A1"}\n{"id": "a1"}\n', "a1", (2,), "exact"),
        (b'{"id": "a"}\n{"id": "a"}', "a", (1, 2), "exact"),
        (b'{"id": true}\n{"id": null}\n{"id": ["a"]}\n', "a", (), "exact"),
        (b'{"text": "a"}\n', "a", (), "exact"),
        (b"", "a", (), "exact"),
    ],
)
def test_found_by_id(data: bytes, row_id: str, lines: tuple[int, ...], rule: str, tmp_path: Path) -> None:
    found = find_rows(write(tmp_path / "c.jsonl", data), row_id)
    assert (tuple(row.line for row in found.rows), found.rule) == (lines, rule)
    assert found.sha256 == sha256_bytes(data)


def test_a_row_without_an_id_has_an_address(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c.jsonl", b'{"text": "one"}\n{"text": "two"}\n')
    address = row_address({"text": "two"})
    assert name_row({"text": "two"}) == address
    assert name_row({"row_id": 3}) == "3"
    assert [row.line for row in find_rows(corpus, address).rows] == [2]


def test_every_other_byte_stays(tmp_path: Path) -> None:
    parts = [
        b'\xef\xbb\xbf{"id": 1, "t": "\xc3\xa4"}\r\n',
        b"\r\n",
        b'{"id":2}\n',
        b"not json \xff\x00\r\n",
        b'  {"id": 3 }  \r\n',
        b'{"id": 4, "t": "\\u2028\xe2\x80\xa8"}\n',
        b'{"id": 5}',
    ]
    for number, line in ((1, 1), (2, 3), (3, 5), (4, 6), (5, 7)):
        corpus = write(tmp_path / f"c{number}.jsonl", b"".join(parts))
        os.chmod(corpus, 0o640)
        found = find_rows(corpus, str(number))
        assert ([row.line for row in found.rows], found.unread) == ([line], 1)
        remove_rows(corpus, found)
        left = b"".join(part for place, part in enumerate(parts, start=1) if place != line)
        assert corpus.read_bytes() == left
        assert sha256_bytes(left) == found.sha256_without
        assert corpus.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"c{number}.jsonl" for number in range(1, 6)]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.text(max_size=8), st.sampled_from(["\n", "\r\n"])), max_size=12),
    st.integers(0, 3),
    st.booleans(),
)
def test_removing_is_leaving_out(rows: list[tuple[int, str, str]], wanted: int, cut: bool) -> None:
    lines = [json.dumps({"id": number, "t": text}).encode() + end.encode() for number, text, end in rows]
    data = b"".join(lines)
    if cut and lines:
        data = data.rstrip(b"\r\n")
        lines[-1] = lines[-1].rstrip(b"\r\n")
    with tempfile.TemporaryDirectory() as folder:
        corpus = write(Path(folder) / "c.jsonl", data)
        found = find_rows(corpus, str(wanted))
        remove_rows(corpus, found)
        kept = b"".join(line for line, row in zip(lines, rows, strict=True) if row[0] != wanted)
        assert corpus.read_bytes() == kept


def test_a_linked_corpus_is_rewritten_where_it_is(tmp_path: Path) -> None:
    real = write(tmp_path / "real.jsonl", b'{"id": 1}\n{"id": 2}\n')
    (tmp_path / "link.jsonl").symlink_to(real)
    link = tmp_path / "link.jsonl"
    remove_rows(link, find_rows(link, "1"))
    assert link.is_symlink()
    assert real.read_bytes() == b'{"id": 2}\n'


def test_a_corpus_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    corpus = write(tmp_path / "c.jsonl", b'{"id": 1}\n')
    found = find_rows(corpus, "1")
    write(corpus, b'{"id": 1}\n{"id": 9}\n')
    with pytest.raises(ConfigError, match="changed while"):
        remove_rows(corpus, found)
    assert corpus.read_bytes() == b'{"id": 1}\n{"id": 9}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["c.jsonl"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("folder", None, "is a folder"),
        ("gone.jsonl", None, "there is no file"),
        ("t.parquet", b"PAR1", "no JSON-lines file"),
        ("t.jsonl", b"\x1f\x8b\x08", "no JSON-lines file"),
        ("t16.jsonl", '{"id": 1}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_corpus_is_refused(name: str, data: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    if data is not None:
        write(tmp_path / name, data)
    with pytest.raises(ConfigError, match=message):
        find_rows(tmp_path / name, "1")


def test_lines_that_hold_no_row() -> None:
    assert [read_row(line) for line in (b"[1]\n", b"{", b"\xff", b"[" * 100_000, b"1", b"")] == [None] * 6
