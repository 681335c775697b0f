"""What stands in a card is text, never markup of whoever wrote the text."""

from __future__ import annotations

import pytest

from forgelm.evidence.markup import escape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 1.5 & more", r"plain words, 1.5 \& more"),
        ("<script>", r"\<script\>"),
        ("a | b", r"a \| b"),
        ("*bold* _thin_ `code` ~~gone~~", r"\*bold\* \_thin\_ \`code\` \~\~gone\~\~"),
        ("[text](url)", r"\[text\](url)"),
        ("# heading", r"\# heading"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines\tand\r\n\r\na gap  ", "two lines and a gap"),
        ("", ""),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped
