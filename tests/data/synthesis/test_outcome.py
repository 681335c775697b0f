"""Rows and, line by line beside them, where each came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError
from forgelm.base.network.replies import Said
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.outcome import SynthesisFiles, SynthesisResult, Written, find_fault, write_rows
from forgelm.data.synthesis.teacher import Request

Make = Callable[..., SyntheticConfig]


def written(section: SyntheticConfig, *pairs: tuple[str, str]) -> list[Written]:
    return [Written(Request(prompt, "here", section), f"k{n}", Said(reply, 1, 2, "stop", "now"))
            for n, (prompt, reply) in enumerate(pairs)]  # fmt: skip


def test_every_row_has_its_origin_on_the_same_line(section: Make, tmp_path: Path) -> None:
    files = SynthesisFiles(tmp_path / "rows.jsonl")
    assert write_rows(files, written(section(), ("a", " one \ud800\n"), ("b", "two\u2028")), {"model": "t"}) == 2
    rows = files.rows.read_bytes().split(b"\n")[:-1]
    origins = [json.loads(line) for line in files.provenance.read_text().splitlines()]
    assert [json.loads(row)["messages"][1]["content"] for row in rows] == ["one \ud800", "two"]
    for number, (row, origin) in enumerate(zip(rows, origins, strict=True), start=1):
        assert (origin["row"], origin["row_sha256"]) == (number, hashlib.sha256(row).hexdigest())
        assert origin["prompt_sha256"] == hashlib.sha256("ab"[number - 1].encode()).hexdigest()
        assert (origin["teacher"], origin["time"], origin["request_sha256"]) == (
            {"model": "t"},
            "now",
            f"k{number - 1}",
        )


@pytest.mark.parametrize(("by", "count"), [("rows", 3), ("replies", 2)])
def test_what_is_there_already_is_left_out(section: Make, tmp_path: Path, by: str, count: int) -> None:
    found = written(section(deduplicate=by), ("a", "yes"), ("a ", "yes "), ("b", " yes"), ("c", "no"))
    files = SynthesisFiles(tmp_path / "rows.jsonl")
    assert write_rows(files, found, {}) == count
    assert len(files.rows.read_text().splitlines()) == len(files.provenance.read_text().splitlines()) == count


def test_without_a_reply_the_rows_of_before_stay(section: Make, tmp_path: Path) -> None:
    files = SynthesisFiles(tmp_path / "rows.jsonl")
    write_rows(files, written(section(), ("a", "one")), {})
    before = files.rows.read_bytes()
    assert write_rows(files, [], {}) == 0
    assert files.rows.read_bytes() == before
    files.check()


def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    files = SynthesisFiles(tmp_path / "train.jsonl")
    files.rows.write_text("{}\n")
    with pytest.raises(ConfigError, match="is there already"):
        files.check()
    with pytest.raises(ConfigError, match="is a folder"):
        SynthesisFiles(tmp_path).check()
    with pytest.raises(ConfigError, match="cannot be used"):
        SynthesisFiles(tmp_path / ("x" * 300)).check()


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (None, "no reply"),
        (Said(" \n"), "empty"),
        (Said("x", finish="length"), "cut off"),
        (Said("x", finish="content_filter"), "filter"),
        (Said("", finish="too long"), "longer than"),
        (Said("x", finish="stop"), None),
        (Said("x"), None),
    ],
)
def test_what_is_no_usable_reply(said: Said | None, fault: str | None) -> None:
    found = find_fault(said)
    assert found is None if fault is None else fault in str(found)


@pytest.mark.parametrize(
    ("successful", "least", "success"), [(0, 0.0, False), (1, 0.0, True), (5, 0.5, True), (4, 0.5, False)]
)
def test_success_is_one_reply_and_the_share(successful: int, least: float, success: bool) -> None:
    result = SynthesisResult(10, successful, 10 - successful, 0, successful, 10, 0, None, least, "a", "b", 0.1)
    assert (result.success, result.success_rate) == (success, successful / 10)
