"""YAML text becomes plain data with places; what YAML can be made to do harm with is refused in bounded time."""

from __future__ import annotations

import time

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.source import Source, Spot, read_source


def read(text: str) -> Source:
    return read_source(text, "f")


def refused(text: str) -> tuple[int | None, int | None, str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    (problem,) = caught.value.problems
    assert problem.file == "f"
    return problem.line, problem.column, problem.message


def test_every_key_and_value_has_its_place() -> None:
    source = read("a:\n  b: 1\n  c: [x, {d: 2}]\n")
    assert source.data == {"a": {"b": 1, "c": ["x", {"d": 2}]}}
    assert source.keys == {
        ("a",): Spot("f", 1, 1),
        ("a", "b"): Spot("f", 2, 3),
        ("a", "c"): Spot("f", 3, 3),
        ("a", "c", 1, "d"): Spot("f", 3, 11),
    }
    assert source.values[("a", "b")] == Spot("f", 2, 6)
    assert source.values[("a", "c", 1, "d")] == Spot("f", 3, 14)
    assert source.problems == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1_000", -1000),
        ("0x10", 16),
        ("1.5e+3", 1500.0),
        ("2e-5", "2e-5"),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("true", True),
        ("Off", False),
        ("~", None),
        ("null", None),
        ("'no'", "no"),
        ("!!str 12", "12"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("0b_", "0b_"),
        ("2024-13-45", "2024-13-45"),
        ("2024-01-01", "2024-01-01"),
        ("=", "="),
        ("ünï", "ünï"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalar(text: str, value: object) -> None:
    assert read(f"a: {text}").data == {"a": value}


def test_value_left_blank_is_told_from_null() -> None:
    source = read("a:\nb: null\nc: ~\nd: ''\n")
    assert source.blanks == {("a",)}
    assert source.data == {"a": None, "b": None, "c": None, "d": ""}


def test_merge_keys_fill_in_what_is_not_written() -> None:
    source = read("base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\nmany:\n  <<: [{a: 4}, {a: 5, c: 6}]\n")
    assert source.data["use"] == {"a": 1, "b": 3}
    assert source.data["many"] == {"a": 4, "c": 6}
    assert source.values[("use",)] == Spot("f", 3, 3)
    assert source.keys[("use", "a")] == Spot("f", 1, 14)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\na: 2\n", 2, 1, "there twice, first in line 1"),
        ("a:\n  b: {c: 1, c: 2}\n", 2, 13, "there twice"),
        ("on: 1\n", 1, 1, "must be text, and YAML reads 'on'"),
        ("1.5: x\n", 1, 1, "must be text"),
        ("a: {[x]: 1}\n", 1, 5, "must be text"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, 4, "tag '"),
        ("a: !!python/name:os.system\n", 1, 4, "tag '"),
        ("a: !mine x\n", 1, 4, "tag '!mine' is not allowed"),
        ("a: !!binary aGk=\n", 1, 4, "tag '"),
        ("a: !!set {x}\n", 1, 4, "tag '"),
        ("<<: {[x]: 1}\n", 1, 6, "a key must be text"),
        ("<<: !odd {x: 1}\n", 1, 5, "the tag '!odd' is not allowed"),
        ("<<: 3\n", 1, 5, "'<<' needs a mapping"),
    ],
)
def test_problem_that_leaves_the_rest_readable(text: str, line: int, column: int, message: str) -> None:
    (problem,) = read(text).problems
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: [1, 2\n", 2, 1, "not valid YAML"),
        ("a: 1\n b: 2\n", 2, 3, "not valid YAML"),
        ("a: 'x\n", 2, 1, "not valid YAML"),
        ("a: *gone\n", 1, 4, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, 1, "not valid YAML"),
        ("a: @x\n", 1, 4, "not valid YAML"),
        ("a:\n\tb: 1\n", 2, 1, "a tab is used for indentation"),
        ("a:\n  b: 1\n  \tc: 1\n", 3, 3, "a tab is used for indentation"),
        ("a: \x00\n", 1, 4, "U+0000"),
        ("a: 1\nb: \x1b[31m\n", 2, 4, "U+001B"),
        ("a: \ud800\n", 1, 4, "U+D800"),
    ],
)
def test_text_that_is_not_yaml(text: str, line: int, column: int, message: str) -> None:
    found = refused(text)
    assert found[:2] == (line, column)
    assert message in found[2]


def _laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_laughs(9), "endless or far too large"),
        (_laughs(30), "aliases"),
        ("a: &a [*a]\n", "endless or far too large"),
        ("a: &a {b: *a}\n", "endless or far too large"),
        ("a: &a {<<: *a}\n", "endless or far too large"),
        ("[" * 100_000, "levels deep"),
        ("a: " + "{a: " * 50_000, "levels deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(900)), "levels deep"),
        ("- 1\n" * 200_000, "more than 20000 values"),
        ("a: [" + "*b, " * 200 + "]", "aliases"),
    ],
    ids=["laughs", "more-laughs", "list-cycle", "map-cycle", "merge-cycle", "flow", "maps", "block", "long", "aliases"],
)
def test_bomb_is_refused_quickly(text: str, message: str) -> None:
    start = time.process_time()
    assert message in refused(text)[2]
    assert time.process_time() - start < 2


def test_tab_inside_a_text_block_is_fine() -> None:
    assert read("a: |\n  x\n  \ty\n").data == {"a": "x\n\ty\n"}


def test_empty_text_is_nothing() -> None:
    assert [read(text).data for text in ("", "\n# only a comment\n", "---\n")] == [None] * 3
