"""The child answers with a document or with why there is none."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

from damaged_files import make_pdf

from forgelm.data.documents.child import answer
from forgelm.data.documents.record import ReadOptions


def test_answers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    request = {"path": str(tmp_path / "a.txt"), "options": asdict(ReadOptions())}
    assert answer(request)["pages"] == [{"text": "x", "number": None}]
    assert "cannot be read" in answer({**request, "path": str(tmp_path / "b.txt")})["refused"]


def test_what_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    deep = "<w:r>" * 5000 + "</w:r>" * 5000
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as made:
        made.writestr("word/document.xml", f'<w:document xmlns:w="w"><w:body><w:p>{deep}</w:p></w:body></w:document>')
    request = {"path": str(tmp_path / "a.docx"), "options": asdict(ReadOptions())}
    assert "nested too deeply" in answer(request)["refused"]


def test_warnings_without_end_do_not_reach_the_parent(tmp_path: Path) -> None:
    broken = make_pdf(packed=False).replace(b"/Contents 5 0 R", b"/Contents 5 0 R " + b"/Rotate 1 " * 5000)
    (tmp_path / "a.pdf").write_bytes(broken)
    request = {"path": str(tmp_path / "a.pdf"), "options": asdict(ReadOptions()), "max_memory_bytes": 2**30}
    done = subprocess.run(
        [sys.executable, "-m", "forgelm.data.documents.child"],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=True,
    )
    assert "pages" in json.loads(done.stdout)
    assert done.stderr == b""
