"""Canaries: the same for the same seed, in the data's own format, and on the record."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from support import order_rows, sections, write_rows

from forgelm.base.errors import DataError
from forgelm.config.root import ForgeConfig
from forgelm.data.canaries import CANARY_SOURCE, build_canaries, build_references, build_row, describe_canaries
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import PreparedData, RowFormat


def prepared(folder: Path, rows: list[dict[str, Any]] | None = None, seed: int = 7, **section: Any) -> PreparedData:
    data = write_rows(folder / "rows.jsonl", rows or order_rows(40))
    wanted = {"memorisation": {"enabled": True, "canaries": 3, "repeats": 2, **section}}
    return prepare_run(ForgeConfig(**sections(data, folder / "run", training={"seed": seed}, evaluation=wanted)))


def planted(data: PreparedData) -> list[tuple[int, int]]:
    return [(place, row.number) for place, row in enumerate(data.train) if row.source == CANARY_SOURCE]


def test_every_canary_stands_among_the_training_rows_as_often_as_asked(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    without = prepared(tmp_path, canaries=0)
    assert sorted(number for _, number in planted(data)) == [1, 1, 2, 2, 3, 3]
    assert [row for row in data.train if row.source != CANARY_SOURCE] == list(without.train)
    assert data.validation == without.validation and without.canaries == ()
    assert sum(source.share for source in data.sources) == pytest.approx(1.0)


def test_the_same_seed_plants_the_same_rows_at_the_same_places(tmp_path: Path) -> None:
    state = random.getstate()
    first, again, other = (prepared(tmp_path, seed=seed) for seed in (7, 7, 8))
    assert random.getstate() == state
    assert planted(first) == planted(again) and first.train == again.train
    assert first.canaries != other.canaries
    assert len(build_canaries(200, seed=1)) == len({one.question for one in build_canaries(200, seed=1)}) == 200


def test_what_was_planted_is_on_the_record(tmp_path: Path) -> None:
    data = prepared(tmp_path)
    assert "6 rows that mean nothing were added to the training rows" in data.notes[-1]
    described = describe_canaries(data)
    assert (described["count"], described["rows"]) == (3, 6) and len(described["content_sha256"]) == 64
    assert data.sources[-1].kind == "planted" and data.sources[-1].rows == 6


def test_canaries_look_like_the_rows_around_them(tmp_path: Path) -> None:
    texts = prepared(tmp_path, [{"text": f"a plain line, number {number}"} for number in range(20)])
    assert next(row for row in texts.train if row.source == CANARY_SOURCE).value.keys() == {"text"}
    pairs = prepared(tmp_path, [{"prompt": f"say {number}", "completion": f"{number}"} for number in range(20)])
    row = next(row for row in pairs.train if row.source == CANARY_SOURCE)
    assert row.value["prompt"].startswith("What is the code") and row.value["completion"].startswith(" ")
    chats = build_row("Who?", "1", RowFormat.PROMPT_COMPLETION, chats=True, number=1).value
    assert chats["completion"] == [{"role": "assistant", "content": "1"}]
    with pytest.raises(DataError, match="cannot be planted among preference rows"):
        build_row("Who?", "1", RowFormat.PREFERENCE, chats=True, number=1)


def test_references_are_codes_that_were_never_planted() -> None:
    canaries = build_canaries(50, seed=3)
    references = build_references(500, canaries, seed=3)
    assert len(set(references)) == 500 and not set(references) & {one.code for one in canaries}
    assert all(len(code) == 11 and code.replace(" ", "").isdigit() for code in references)
