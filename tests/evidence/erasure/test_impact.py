"""One person's rows are traced into the runs that saw them, their models, and what was trained on those."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support import order_rows, sections, write_rows

from forgelm.config.root import ForgeConfig
from forgelm.evidence.erasure.impact import Impact, PersonsRow, add_months, models_of, trace_rows
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single

TODAY = date(2026, 1, 31)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult, TrainResult]:
    """Two real runs: one on 40 rows, and one on 20 others that starts from the first one's merged model."""
    folder = tmp_path_factory.mktemp("runs")
    rows = order_rows(60)
    write_rows(folder / "first.jsonl", rows[:40])
    write_rows(folder / "second.jsonl", rows[40:])
    small: dict[str, Any] = {"max_steps": 2, "save_steps": 2, "merge_adapters": True}
    one = ForgeConfig(**sections(folder / "first.jsonl", folder / "one", training=small))
    first = run_single(one)
    changed = {"name_or_path": str(folder / "one" / "final_model")}
    two = ForgeConfig(**sections(folder / "second.jsonl", folder / "two", training=small, model=changed))
    return folder, first, run_single(two)


def line(file: Path, number: int) -> PersonsRow:
    return PersonsRow(file, number, json.loads(file.read_text().splitlines()[number - 1]))


def trace(folder: Path, *rows: PersonsRow) -> Impact:
    return trace_rows(rows, [folder], received=TODAY)


def test_a_row_leads_to_its_run_its_model_and_what_was_built_on_it(
    runs: tuple[Path, TrainResult, TrainResult],
) -> None:
    folder, first, second = runs
    impact = trace(folder, line(folder / "first.jsonl", 3))
    direct, later = impact.runs
    assert (direct.run_id, direct.rows[0].line, direct.rows[0].matched_by) == (first.run_id, 3, "line")
    assert {(Path(model.path).name, model.kind.split()[0]) for model in direct.models} == {
        ("final_model", "final"),
        ("checkpoint-2", "checkpoint"),
    }
    assert (later.run_id, later.through, later.rows) == (second.run_id, first.run_id, ())
    assert later.trained
    assert impact.looked_through == 2
    assert [option.option for option in impact.options] == ["delete", "retrain without", "filter", "accept with reason"]
    assert json.loads(json.dumps(impact.as_record()))["affected_run_ids"] == impact.affected_run_ids


def test_a_row_of_the_later_run_does_not_touch_the_earlier(runs: tuple[Path, TrainResult, TrainResult]) -> None:
    folder, _, second = runs
    impact = trace(folder, line(folder / "second.jsonl", 1))
    assert [run.run_id for run in impact.runs] == [second.run_id]


def test_the_same_words_are_found_when_the_file_moved_or_changed(
    runs: tuple[Path, TrainResult, TrainResult], tmp_path: Path
) -> None:
    folder, first, _ = runs
    value = line(folder / "first.jsonl", 5).value
    moved = write_rows(tmp_path / "moved.jsonl", [{"other": 1}, value | {"id": "new"}])
    impact = trace(folder, PersonsRow(moved, 2, value | {"id": "new"}))
    assert (impact.runs[0].run_id, impact.runs[0].rows[0].line) == (first.run_id, 5)
    assert impact.runs[0].rows[0].matched_by == "content"


def test_a_row_nobody_saw_touches_nothing(runs: tuple[Path, TrainResult, TrainResult], tmp_path: Path) -> None:
    folder, _, _ = runs
    row = {"messages": [{"role": "user", "content": "never"}, {"role": "assistant", "content": "seen"}]}
    impact = trace(folder, PersonsRow(write_rows(tmp_path / "new.jsonl", [row]), 1, row))
    assert (impact.runs, impact.affected_run_ids) == ((), [])
    assert [option.option for option in impact.options] == ["erase the rows"]


def test_what_cannot_be_known_is_said(runs: tuple[Path, TrainResult, TrainResult], tmp_path: Path) -> None:
    folder, _, _ = runs
    row = line(folder / "first.jsonl", 3)
    nothing = trace(tmp_path / "empty", row)
    assert nothing.not_known[0] == "no run here recorded its rows"
    odd = PersonsRow(write_rows(tmp_path / "odd.jsonl", [{"x": 1}]), 1, {"x": 1})
    assert "do not read as its rows" in trace(folder, odd).not_known[0]
    copy = tmp_path / "one"
    shutil.copytree(folder / "one", copy)
    shutil.rmtree(copy / ".forgelm_subject_keys")
    moved = PersonsRow(write_rows(tmp_path / "m.jsonl", [row.value]), 1, row.value)
    assert "was destroyed" in trace(copy, moved).not_known[0]
    record = next((copy / "seen_rows").iterdir())
    record.write_bytes(record.read_bytes()[:100])
    assert "damaged" in trace(copy, row).not_known[0]


def test_models_are_known_by_seal_or_card(runs: tuple[Path, TrainResult, TrainResult]) -> None:
    folder, first, second = runs
    found = models_of(folder / "one", str(first.run_id))
    assert found[0].seal is not None
    assert found[0].exports == ()
    assert [model.seal for model in models_of(folder / "one", str(second.run_id))] == [None]


def test_what_was_merged_from_its_model_is_named_with_its_exports(
    runs: tuple[Path, TrainResult, TrainResult], tmp_path: Path
) -> None:
    folder, first, _ = runs
    (seal,) = (model.seal for model in models_of(folder / "one", str(first.run_id)) if model.kind == "final")
    merged = tmp_path / "published" / "merged"
    merged.mkdir(parents=True)
    (merged / "merge_record.json").write_text(json.dumps({"sources": [{"manifest_sha256": seal}]}))
    (merged / "model_integrity.json").write_text(json.dumps({"exported_artifacts": [{"file": "merged.gguf"}]}))
    row = line(folder / "first.jsonl", 3)
    found = trace_rows([row], [folder, tmp_path], received=TODAY).runs[0].models[-1]
    assert (found.path, found.kind, found.exports) == (str(merged), "merged", ("merged.gguf",))
    assert all(model.kind != "merged" for run in trace(folder, row).runs for model in run.models)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
    ],
)
def test_a_month_from_a_day(day: date, months: int, then: date) -> None:
    assert add_months(day, months) == then


def test_the_deadline_counts_from_the_request(make_config: Callable[..., Any], tmp_path: Path) -> None:
    impact = trace_rows([], [tmp_path], received=TODAY)
    assert (impact.deadline, impact.latest_if_extended) == (date(2026, 2, 28), date(2026, 4, 30))
