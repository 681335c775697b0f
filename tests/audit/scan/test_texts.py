"""The texts of rows, from memory or read again."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from forgelm.audit.reading.find import find_source
from forgelm.audit.scan.options import AuditOptions, Tools, load_tools
from forgelm.audit.scan.runner import Scan, scan_source
from forgelm.audit.scan.texts import read_texts
from forgelm.base.errors import DataError


@pytest.fixture(scope="module")
def tools() -> Tools:
    return load_tools(AuditOptions())


@pytest.mark.parametrize("limit", [0, 1 << 30])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_any_rows_of_several_files(limit: int, ending: str, tools: Tools, tmp_path: Path) -> None:
    texts = [f"text number {number}" for number in range(300)]
    for name, part in (("train", texts[:200]), ("test", texts[200:])):
        data = "".join(f'{{"text": "{text}"}}\n\nbroken\n' for text in part).encode()
        (tmp_path / f"{name}.jsonl{ending}").write_bytes(gzip.compress(data) if ending else data)
    files = scan_source(find_source(str(tmp_path)), tools, Scan(text_bytes=limit, block_bytes=512))
    wanted = np.zeros(300, bool)
    rows = np.array([0, 7, 150, 199, 200, 299])
    wanted[rows] = True
    fetch = read_texts(files, wanted, frozenset(), workers=2)
    assert list(fetch(rows)) == [texts[row] for row in rows]
    assert list(fetch(rows[[1, 5]])) == [texts[7], texts[299]]


def test_a_file_that_changed_is_noticed(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "x"}\n' * 100)
    files = scan_source(find_source(str(path)), tools, Scan(text_bytes=0))
    path.write_bytes(b'{"text": "x"}\n' * 50)
    with pytest.raises(DataError, match="changed while it was being read"):
        read_texts(files, np.ones(100, bool), frozenset())
