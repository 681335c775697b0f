"""Text in any codec; what is no text is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.data.documents.plain import decode, knows_codec, read_markdown
from forgelm.data.documents.record import DocumentError, ReadOptions


def test_codecs_and_headers(tmp_path: Path) -> None:
    assert decode("ä\r\nb".encode("utf-16"), None)[0] == "ä\nb"
    assert decode("ä".encode("latin-1"), "latin-1")[0] == "ä"
    assert "U+FFFD" in decode(b"\xff\xfe"[:1] * 5, None)[1][0]
    with pytest.raises(DocumentError, match="NUL"):
        decode(b"a\0b", None)
    with pytest.raises(DocumentError, match="is not undefined"):
        decode(b"a", "undefined")
    (tmp_path / "a.md").write_text("---\nx: 1\n---\n# T\n")
    assert read_markdown(tmp_path / "a.md", ReadOptions()).pages[0].text == "# T\n"


@pytest.mark.parametrize(("name", "known"), [("utf-16", True), ("latin-1", True), ("base64", False), ("no\0", False)])
def test_codecs_of_text(name: str, known: bool) -> None:
    assert knows_codec(name) is known
