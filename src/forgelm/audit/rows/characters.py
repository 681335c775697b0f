"""What the audit must know of every Unicode character, asked from this Python once and kept in two arrays."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from forgelm.audit.rows.arrays import Bytes, Ints32, np
from forgelm.audit.rows.quality import LINE_ENDINGS

WORD = 1  # part of a token
ALPHA = 2
SPACE = 4
BREAK = 8  # ends a line
ENDING = 16  # a line may well end in it
CASED = 32  # has another lower-case form, of as many bytes
HARD = 64  # its lower-case form has another length, or depends on its neighbours

_LIMIT = 0x4_0000  # no character above is a letter, a digit or a space
_FINAL_SIGMA = "Σ"


class Characters(NamedTuple):
    """``classes[c]`` holds the flags of character ``c``, ``lower[c]`` its lower-case form; both end where all is 0."""

    classes: Bytes
    lower: Ints32


@cache
def load_characters() -> Characters:
    """Return the tables of the running Python, whose Unicode version ``re`` and ``str`` follow too."""
    everything = np.arange(_LIMIT, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    classes = np.zeros(_LIMIT, np.uint8)
    lower = np.arange(_LIMIT, dtype=np.int32)
    for match in re.finditer(r"\w+", everything):
        run, letters = slice(*match.span()), match.group()
        classes[run] |= WORD
        classes[run] |= ALPHA if letters.isalpha() else np.array([ALPHA * x.isalpha() for x in letters], np.uint8)
        if letters != letters.lower():
            lower[run] = [_lower(letter) for letter in letters]
    codes = np.arange(_LIMIT)
    classes[lower < 0] |= HARD
    classes[(lower >= 0) & (lower != codes)] |= CASED
    for match in re.finditer(r"\s", everything):
        classes[match.start()] |= SPACE | (BREAK if len(f"a{match.group()}a".splitlines()) == 2 else 0)
    classes[[ord(character) for character in LINE_ENDINGS]] |= ENDING
    return Characters(classes, lower)


def _lower(letter: str) -> int:
    """Return the code of the lower-case form, or -1 where a row must be lowered as a whole."""
    form = letter.lower()
    if form == letter:
        return ord(letter)
    if letter == _FINAL_SIGMA or len(form.encode()) != len(letter.encode()):
        return -1
    return ord(form)
