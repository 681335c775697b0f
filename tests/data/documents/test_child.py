"""The child answers with a document or with why there is none."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from forgelm.data.documents.child import answer
from forgelm.data.documents.record import ReadOptions


def test_answers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    request = {"path": str(tmp_path / "a.txt"), "options": asdict(ReadOptions())}
    assert answer(request)["pages"] == [{"text": "x", "number": None}]
    assert "cannot be read" in answer({**request, "path": str(tmp_path / "b.txt")})["refused"]
