"""Tells a declaration from a placeholder: what stands in a form until somebody fills it in says nothing."""

from __future__ import annotations

import re

# Whole texts, compared without case, brackets, quotes and final dots.
_FILLERS = frozenset(
    {
        "a", "blank", "coming soon", "draft", "dummy", "empty", "example", "fill in", "foo", "bar", "for later",
        "later", "missing", "n a", "n. a", "n.a", "na", "n/a", "nil", "no", "none", "not applicable", "not available",
        "not defined", "not determined", "not known", "not set", "not specified", "nothing", "null", "open",
        "pending", "placeholder", "sample", "see above", "see below", "some text", "string", "t.b.d", "test", "text",
        "to be announced",
        "to be completed", "to be confirmed", "to be decided", "to be defined", "to be determined", "to be done",
        "to be filled", "to be filled in", "to be provided", "to be written", "to come", "to follow", "undefined",
        "unknown", "value", "write here", "your text here",
    }
)  # fmt: skip
# Words that mark a text as unfinished wherever they stand in it.
_MARKERS = re.compile(r"\b(?:to-?do|tbd|tba|tbc|fixme|xxx+|lorem ipsum|change[ _-]?me|fill[ _-]me)\b", re.IGNORECASE)
_SLOT = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|\{\{[^{}]*\}\}|__+[^_]*__+")


def is_placeholder(text: str) -> bool:
    """Whether ``text`` is blank, a filler such as "n/a" or "...", an unfilled slot, or marked as unfinished."""
    plain = " ".join(text.split())
    if _MARKERS.search(plain) or _SLOT.fullmatch(plain):
        return True
    letters = [char for char in plain.casefold() if char.isalnum()]
    if not letters or (len(letters) > 2 and len(set(letters)) == 1):
        return True
    return plain.casefold().strip("<>[](){}\"'`*_.:;!?- ") in _FILLERS
