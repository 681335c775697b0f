from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.data.clean import CONTROL_REMARK, LINE_ENDS_REMARK, MAX_DEPTH, check_value, clean_value
from forgelm.data.problems import RowError

CODE = "def f(x):\n\n\treturn  x   # two  spaces\n"


def test_code_stays_as_it_was_written() -> None:
    remarks: set[str] = set()
    assert clean_value(CODE, remarks) == CODE
    assert not remarks


@pytest.mark.parametrize(
    ("dirty", "clean", "remark"),
    [
        ("a\x00b\x07c\x7f\x9b", "abc", CONTROL_REMARK),
        ("half \ud83d pair", "half  pair", CONTROL_REMARK),
        ("one\r\ntwo\rthree", "one\ntwo\nthree", LINE_ENDS_REMARK),
        ("page\fpage", "page\npage", LINE_ENDS_REMARK),
    ],
)
def test_control_characters_go_and_line_ends_become_newlines(dirty: str, clean: str, remark: str) -> None:
    remarks: set[str] = set()
    assert clean_value({"k\x00": [dirty, 1, None]}, remarks) == {"k": [clean, 1, None]}
    assert remark in remarks


@settings(deadline=None, database=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_everything_but_control_characters_is_kept(text: str) -> None:
    kept = [char for char in text if char in "\n\t" or not (ord(char) < 32 or 127 <= ord(char) < 160)]
    cleaned = clean_value(text, set())
    assert [char for char in cleaned if char != "\n"] == [char for char in kept if char != "\n"]


@pytest.mark.parametrize("text", ["a\x00", "\udc00"])
def test_unusable_text_is_refused_when_cleaning_is_off(text: str) -> None:
    with pytest.raises(RowError, match="U\\+"):
        check_value({"a": [text]})


def test_harmless_control_characters_may_stay_when_cleaning_is_off() -> None:
    check_value({"a": ["bell\x07", 1.5, None]})


@pytest.mark.parametrize("look", [lambda value: clean_value(value, set()), check_value])
def test_what_json_cannot_hold_is_refused(look) -> None:  # type: ignore[no-untyped-def]
    deep: list[object] = []
    for _ in range(MAX_DEPTH + 2):
        deep = [deep]
    with pytest.raises(RowError, match="nested"):
        look(deep)
    with pytest.raises(RowError, match="bytes"):
        look([b"a"])
