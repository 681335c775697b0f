"""Blocks are audited in any order and gathered in theirs; a file that breaks off does not end the others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from forgelm.audit.reading.find import find_source
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools
from forgelm.audit.scan.runner import Progress, Scan, scan_source
from forgelm.base.errors import DataError, StoppedError


@pytest.fixture(scope="module")
def tools() -> Tools:
    return load_tools(AuditOptions())


def _write(folder: Path, rows: int = 100) -> None:
    lines = b"".join(b'{"text": "row %d a@example.org"}\n' % row for row in range(rows))
    (folder / "train.jsonl").write_bytes(lines)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_rows_are_numbered_in_order(workers: int, tools: Tools, tmp_path: Path) -> None:
    _write(tmp_path)
    heard: list[Progress] = []
    (file,) = scan_source(find_source(str(tmp_path)), tools, Scan(workers, listen=heard.append, block_bytes=200))
    assert [found.row for found in file.state.findings] == list(range(100)) and file.error is None
    assert heard[-1].rows == 100 and heard[-1].done == heard[-1].total
    assert [progress.rows for progress in heard] == sorted(progress.rows for progress in heard)


def test_a_file_that_breaks_off_is_kept_as_far_as_it_was_read(tools: Tools, tmp_path: Path) -> None:
    _write(tmp_path)
    packed = gzip.compress(b'{"text": "more"}\n' * 100_000, 0)
    (tmp_path / "test.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "dev.parquet").write_bytes(b"PAR1")
    files = {file.file.split: file for file in scan_source(find_source(str(tmp_path)), tools, Scan(block_bytes=4096))}
    assert files["train"].state.rows == 100 and files["train"].error is None
    assert files["test"].state.rows > 0 and "test.jsonl.gz" in str(files["test"].error)
    assert files["validation"].state.rows == 0 and "dev.parquet" in str(files["validation"].error)
    with pytest.raises(DataError, match=r"dev\.parquet|test\.jsonl\.gz"):
        scan_source(find_source(str(tmp_path)), tools, Scan(strict=True))


def test_no_file_that_can_be_read_is_an_error(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"a\.parquet"):
        scan_source(find_source(str(tmp_path)), tools, Scan())


def test_it_stops_between_blocks_when_asked(tools: Tools, tmp_path: Path) -> None:
    _write(tmp_path, 5000)
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) >= 3:
            raise StoppedError("enough")

    heard: list[Progress] = []
    with pytest.raises(StoppedError):
        scan_source(find_source(str(tmp_path)), tools, Scan(check=check, listen=heard.append, block_bytes=200))
    assert len(heard) < 3


def test_it_stops_within_one_long_line_when_asked(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "long.jsonl").write_text(json.dumps({"text": " ".join(f"a{n}@example.com" for n in range(5000))}))
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) >= 3:
            raise StoppedError("enough")

    with pytest.raises(StoppedError):
        scan_source(find_source(str(tmp_path / "long.jsonl")), tools, Scan(check=check))


@pytest.mark.parametrize("limit", [0, 2000, 1 << 20])
def test_texts_are_kept_up_to_a_limit(limit: int, tools: Tools, tmp_path: Path) -> None:
    _write(tmp_path)
    (file,) = scan_source(find_source(str(tmp_path)), tools, Scan(block_bytes=200, text_bytes=limit))
    assert file.state.rows == 100
    assert bool(file.state.texts) is (limit == 1 << 20)
