"""Puts text that somebody else wrote into Markdown so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def escape(text: str) -> str:
    """Return ``text`` with every character that Markdown would read as markup escaped, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return ``text`` as a Markdown code span that cannot end early or break a table."""
    return "`" + " ".join(text.split()).replace("`", "'").replace("|", "\\|") + "`"


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = ("", "")) -> str:
    """Return a Markdown table; the cells are Markdown already."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])
