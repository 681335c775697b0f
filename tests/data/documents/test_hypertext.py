"""HTML: visible text only, structure kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.data.documents.hypertext import hypertext_to_text, read_hypertext
from forgelm.data.documents.record import DocumentError, ReadOptions


def test_visible_text() -> None:
    markup = "<title>no</title><h2>Hi</h2><script>no()</script><p>One\n two<br>x<ul><li>a<li>b</ul><pre>a\n  b</pre>"
    assert hypertext_to_text(markup) == "## Hi\n\nOne two\nx\n\n- a\n- b\n\na\n  b"


@pytest.mark.parametrize("charset", ["base64", "no-such"])
def test_a_charset_that_is_none_is_not_followed(charset: str, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(f"<meta charset={charset}><p>ä", encoding="utf-8")
    assert read_hypertext(tmp_path / "a.html", ReadOptions()).pages[0].text == "ä"


def test_a_section_that_no_page_has_is_refused() -> None:
    with pytest.raises(DocumentError, match="damaged"):
        hypertext_to_text("<p>x<![odd[y]]>")


def test_preformatted_lines_stay_as_they_are() -> None:
    code = "def f():\n  | x |\n\n    return 1\n\tend"
    assert hypertext_to_text(f"<p>See: <pre>{code}</pre><td>a") == f"See:\n\n{code}\n\na"
    assert hypertext_to_text("<pre>  <b>bold</b> first</pre>") == "  bold first"
