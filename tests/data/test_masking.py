"""Masks: gone from the text, counted, and pages keep their places."""

from __future__ import annotations

import re

from forgelm.data.masking import Masker, apply_masks


def test_places_move_with_the_text() -> None:
    masker = Masker("digits", lambda text: [("run", found.span()) for found in re.finditer(r"\d+", text)], "[X]")
    text, places, counts = apply_masks("a 12345 b\n\nc 1 d", [0, 11], [masker])
    assert text == "a [X] b\n\nc [X] d"
    assert text[places[1] :].startswith("c")
    assert counts == {"digits/run": 2}
