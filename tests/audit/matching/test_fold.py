"""Digits of every script read as ASCII, one character for one."""

# ruff: noqa: RUF001 (characters of other scripts)

from __future__ import annotations

import re
import sys
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from forgelm.audit.matching.fold import FOLDABLE, fold


def test_every_decimal_digit_this_python_knows_becomes_its_value() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if char.isdecimal():
            assert fold(char) == str(unicodedata.decimal(char)), hex(code)


def test_the_length_stays_and_other_characters_too() -> None:
    text = "Тел. ٠٥٣٢ – ｈｅｌｌｏ＠ｅｘａｍｐｌｅ．ｃｏｍ，你好！\ud800"
    folded = fold(text)
    assert folded == "Тел. 0532 – hello@example.com，你好！\ud800"
    assert len(folded) == len(text)


def test_ascii_comes_back_as_it_is() -> None:
    text = "a" * 10
    assert fold(text) is text


def test_the_engines_see_the_same_characters() -> None:
    chars = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    seen = pc.match_substring_regex(pa.array(chars, pa.large_string()), FOLDABLE).to_pylist()
    assert [bool(re.match(FOLDABLE, char)) for char in chars] == seen
    assert sum(seen) > 700
