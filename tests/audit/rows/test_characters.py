"""The character tables against the string methods they stand for."""

from __future__ import annotations

import sys

import numpy as np

from forgelm.audit.rows.characters import ALPHA, BREAK, CASED, ENDING, HARD, SPACE, WORD, load_characters
from forgelm.audit.rows.quality import LINE_ENDINGS
from forgelm.audit.rows.tokens import tokenize


def test_every_character_has_the_flags_of_its_methods() -> None:
    classes = load_characters().classes
    for code in range(len(classes)):
        character, kind = chr(code), int(classes[code])
        assert bool(kind & WORD) == (character.isalnum() or character == "_")
        assert bool(kind & ALPHA) == character.isalpha()
        assert bool(kind & SPACE) == character.isspace()
        assert bool(kind & ENDING) == (character in LINE_ENDINGS)
        assert bool(kind & BREAK) == (len(f"a{character}a".splitlines()) == 2)


def test_nothing_beyond_the_tables_matters() -> None:
    first = len(load_characters().classes)
    beyond = "".join(map(chr, range(first, sys.maxunicode + 1)))
    assert not tokenize(beyond) and not any(map(str.isspace, beyond)) and beyond == beyond.lower()


def test_lower_case_forms_keep_their_length_or_are_hard() -> None:
    classes, lower = load_characters()
    for code in np.flatnonzero(classes & CASED).tolist():
        assert chr(lower[code]) == chr(code).lower()
        assert len(chr(lower[code]).encode()) == len(chr(code).encode())
    for code in np.flatnonzero(classes & WORD).tolist():
        assert chr(code).lower() == chr(code) or classes[code] & (CASED | HARD)


def test_the_hard_ones_are_those_whose_form_depends_or_grows() -> None:
    hard = {chr(code) for code in np.flatnonzero(load_characters().classes & HARD)}
    assert {"Σ", "İ", "ẞ"} <= hard
    assert not any(character.lower() in hard for character in hard)
