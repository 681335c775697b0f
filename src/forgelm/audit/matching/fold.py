"""Reads digits of every script, and full-width letters, as ASCII; each character stays one character."""

from __future__ import annotations

import re
from string import ascii_letters

# Where each block of ten decimal digits begins, up to Unicode 16.
_ZEROS = (
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0,
    0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
    0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
)  # fmt: skip
_WIDE_OFFSET = 0xFEE0
_PIECE = 1 << 20  # every character between two others is an object while they are replaced
_WIDE = "".join(chr(ord(char) + _WIDE_OFFSET) for char in f"+-.@_{ascii_letters}")

_TO_ASCII = {chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)} | {
    char: chr(ord(char) - _WIDE_OFFSET) for char in _WIDE
}

FOLDABLE = f"[{''.join(f'{chr(zero)}-{chr(zero + 9)}' for zero in _ZEROS)}{_WIDE}]"
_FOLDABLE = re.compile(FOLDABLE)


def fold(text: str) -> str:
    """Return ``text`` with decimal digits and full-width letters as ASCII: same length, so spans stay valid."""
    if text.isascii() or not _FOLDABLE.search(text):
        return text
    parts = (text[begin : begin + _PIECE] for begin in range(0, len(text), _PIECE))
    return "".join(_FOLDABLE.sub(lambda match: _TO_ASCII[match[0]], part) for part in parts)
