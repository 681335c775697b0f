"""Takes control characters out of text; lines, indentation and spacing stay exactly as they were written."""

from __future__ import annotations

import re
from typing import Any

from forgelm.data.problems import RowError

MAX_DEPTH = 64
_LINE_ENDS = re.compile("\r\n?|[\v\f\x85]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_ANY_OF_BOTH = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")

LINE_ENDS_REMARK = "other line endings written as \\n"
CONTROL_REMARK = "control characters removed"


def clean_value(value: Any, remarks: set[str], *, depth: int = 0) -> Any:
    """Return ``value`` with every text in it cleaned; what was done is added to ``remarks``.

    Raises:
        RowError: nested deeper than ``MAX_DEPTH``, or something JSON cannot hold.
    """
    if isinstance(value, str):
        return _clean_text(value, remarks)
    _check_kind(value, depth)
    if isinstance(value, dict):
        return {_clean_text(key, remarks): clean_value(item, remarks, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_value(item, remarks, depth=depth + 1) for item in value]
    return value


def check_value(value: Any, *, depth: int = 0) -> None:
    """Raise ``RowError`` for text that no tokenizer can take: NUL, or half of a surrogate pair."""
    if isinstance(value, str):
        found = _UNUSABLE.search(value)
        if found:
            raise RowError(f"the text holds U+{ord(found.group()):04X}; set data.clean_text: true to remove such")
        return
    _check_kind(value, depth)
    if isinstance(value, dict):
        for key, item in value.items():
            check_value(key, depth=depth + 1)
            check_value(item, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_value(item, depth=depth + 1)


def _clean_text(text: str, remarks: set[str]) -> str:
    if not _ANY_OF_BOTH.search(text):
        return text
    if _LINE_ENDS.search(text):
        text = _LINE_ENDS.sub("\n", text)
        remarks.add(LINE_ENDS_REMARK)
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
        remarks.add(CONTROL_REMARK)
    return text


def _check_kind(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise RowError(f"nested deeper than {MAX_DEPTH} levels")
    if value is not None and not isinstance(value, (bool, int, float, dict, list)):
        raise RowError(f"holds a value of type {type(value).__name__}, which JSON cannot hold")
