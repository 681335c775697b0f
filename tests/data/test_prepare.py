from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forgelm.base.errors import DataError
from forgelm.config.data import DataConfig
from forgelm.data.prepare import prepare
from forgelm.data.rows import PreparedData
from forgelm.data.split import content_keys

Write = Callable[..., str]


def texts(start: int, stop: int) -> list[dict[str, str]]:
    return [{"text": f"row {number}"} for number in range(start, stop)]


def run(path: str, *, seed: int = 42, **section: Any) -> PreparedData:
    return prepare(DataConfig(dataset_name_or_path=path, **section), seed=seed, offline=True)


def test_one_file_end_to_end(write: Write) -> None:
    prepared = run(write("a.jsonl", texts(0, 100)))
    assert (len(prepared.train), len(prepared.validation or ()), prepared.skipped) == (90, 10, ())
    assert prepared.validation_origin == "carved 10 % with seed 42"
    assert (prepared.sources[0].share, prepared.sources[0].rows) == (1.0, 100)
    assert len(prepared.sources[0].fingerprint["sha256"]) == 64
    assert any(note.endswith("a.jsonl: read as text (text)") for note in prepared.notes)


def test_shuffling_depends_on_the_seed_alone_and_can_be_switched_off(write: Write) -> None:
    path = write("a.jsonl", texts(0, 100))
    assert run(path).train == run(path).train
    assert run(path, seed=1).train != run(path, seed=2).train
    numbers = [row.number for row in run(path, shuffle=False).train]
    assert numbers == sorted(numbers)
    assert [row.number for row in run(path).train] != numbers


def test_two_fresh_processes_give_the_same_rows_in_the_same_order(write: Write) -> None:
    first, second = write("a.jsonl", texts(0, 60)), write("b.jsonl", texts(50, 90))
    script = (
        "import sys; from forgelm.config.data import DataConfig; from forgelm.data.prepare import prepare\n"
        "config = DataConfig(dataset_name_or_path=sys.argv[1], extra_datasets=[sys.argv[2]], mix_ratio=[2, 1])\n"
        "done = prepare(config, seed=7)\n"
        "print(done.train, done.validation, done.skipped, done.notes)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, first, second],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 1000


@pytest.mark.parametrize(
    ("files", "origin", "held_out"),
    [
        (["train", "validation", "test"], "validation split", "validation.jsonl"),
        (["train", "test"], "test split", "test.jsonl"),
    ],
)
def test_splits_of_a_folder_are_used_as_they_are(
    write: Write, tmp_path: Path, files: list[str], origin: str, held_out: str
) -> None:
    for place, file in enumerate(files):
        write(f"d/{file}.jsonl", texts(place * 10, place * 10 + 10))
    prepared = run(str(tmp_path / "d"), validation_split_ratio=0.5)
    assert (len(prepared.train), len(prepared.validation or ())) == (10, 10)
    assert prepared.validation_origin == origin
    assert {row.part for row in prepared.validation or ()} == {held_out}
    assert any("validation_split_ratio has no effect" in note for note in prepared.notes)


def test_rows_on_both_sides_of_the_users_own_split_are_reported(write: Write, tmp_path: Path) -> None:
    write("d/train.jsonl", texts(0, 10))
    write("d/dev.jsonl", texts(7, 12))
    assert any("3 of 5 validation rows are training rows as well" in note for note in run(str(tmp_path / "d")).notes)


def test_a_single_row_leaves_nothing_to_hold_out(write: Write) -> None:
    prepared = run(write("a.jsonl", texts(0, 1)))
    assert (prepared.validation, prepared.validation_origin) == (None, "none: fewer than 2 rows")
    assert "validation: none: fewer than 2 rows" in prepared.notes


def test_duplicates_never_leak_into_validation(write: Write) -> None:
    prepared = run(write("a.jsonl", texts(0, 50) * 4), validation_split_ratio=0.3)
    assert prepared.validation
    assert not set(content_keys(prepared.train)) & set(content_keys(prepared.validation))
    assert len(prepared.train) + len(prepared.validation) == 200


def test_without_ratio_datasets_are_put_together(write: Write) -> None:
    first, second = write("a.jsonl", texts(0, 20)), write("b.csv", "text\nx\ny\n")
    prepared = run(first, extra_datasets=[second])
    assert Counter(row.source for row in prepared.train) == {first: 18, second: 2}
    assert [source.share for source in prepared.sources] == [0.9, 0.1]
    assert {row.source for row in prepared.validation or ()} == {first}


def test_a_ratio_sets_the_shares_and_every_row_left_out_is_recorded(write: Write) -> None:
    first, second = write("a.jsonl", texts(0, 100)), write("b.jsonl", texts(1000, 1300))
    prepared = run(first, extra_datasets=[second], mix_ratio=[1, 2])
    assert Counter(row.source for row in prepared.train) == {first: 90, second: 180}
    assert Counter((row.source, row.reason) for row in prepared.skipped) == {(second, "data.mix_ratio"): 120}
    assert len({(row.source, row.number) for row in [*prepared.train, *prepared.skipped]}) == 390
    notes = " ".join(prepared.notes)
    assert "120 rows left out to meet data.mix_ratio" in notes
    assert "(66.7%)" in notes


def test_extra_rows_equal_to_a_held_out_row_are_left_out(write: Write) -> None:
    first, second = write("a.jsonl", texts(0, 30)), write("b.jsonl", texts(0, 40))
    prepared = run(first, extra_datasets=[second])
    assert prepared.validation
    assert not set(content_keys(prepared.train)) & set(content_keys(prepared.validation))
    assert Counter(row.reason for row in prepared.skipped) == {"equal to a validation row": 3}


def test_only_the_main_datasets_validation_rows_are_used(write: Write, tmp_path: Path) -> None:
    main = write("a.jsonl", texts(0, 20))
    write("extra/train.jsonl", texts(100, 110))
    write("extra/dev.jsonl", texts(200, 210))
    extra = str(tmp_path / "extra")
    prepared = run(main, extra_datasets=[extra])
    assert len(prepared.train) == 28
    assert any("validation rows come from" in note and note.endswith("a.jsonl only") for note in prepared.notes)
    assert any(f"{extra}: not read: validation split" == note for note in prepared.notes)


def test_formats_must_agree_after_normalising(write: Write) -> None:
    alpaca = write("a.jsonl", [{"instruction": "u", "output": "a"}, {"instruction": "v", "output": "b"}])
    said = [{"role": "user", "content": "w"}], [{"role": "assistant", "content": "c"}]
    pair = write("b.jsonl", [{"prompt": said[0], "completion": said[1]}])
    prepared = run(alpaca, extra_datasets=[pair])
    assert [source.detected for source in prepared.sources] == ["alpaca", "prompt_completion (messages)"]
    text = write("c.jsonl", texts(0, 3))
    with pytest.raises(DataError, match=r"c\.jsonl holds text rows and .*a\.jsonl holds alpaca rows"):
        run(alpaca, extra_datasets=[text])
    plain = write("d.jsonl", [{"prompt": "p", "completion": "c"}])
    with pytest.raises(DataError, match="must normalise to one format"):
        run(alpaca, extra_datasets=[plain])


def test_a_mix_that_leaves_nothing_is_refused(write: Write) -> None:
    first = write("a.jsonl", texts(0, 2))
    held_out = run(first).validation
    assert held_out
    second = write("b.jsonl", [held_out[0].value])
    with pytest.raises(DataError, match="no rows are left to train on"):
        run(first, extra_datasets=[second], mix_ratio=[1, 1])


def test_the_same_rows_in_every_kind_of_file_give_the_same_training_rows(write: Write, tmp_path: Path) -> None:
    rows = [{"prompt": f"question {number}", "completion": "NA"} for number in range(20)]
    table = "prompt,completion\n" + "".join(f"{row['prompt']},{row['completion']}\n" for row in rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", compression="zstd")
    paths = [
        write("a.jsonl", rows),
        write("a.ndjson", rows),
        write("a.json", json.dumps(rows)),
        write("a.csv", table),
        str(tmp_path / "a.parquet"),
    ]
    values = [[row.value for row in run(path).train] for path in paths]
    assert all(value == values[0] for value in values)
    assert len(values[0]) == 18


def test_messages_from_parquet_hold_no_key_that_was_not_written(tmp_path: Path) -> None:
    call = [{"type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    with_call = [{"role": "user", "content": "u"}, {"role": "assistant", "content": None, "tool_calls": call}]
    plain = [{"role": "user", "content": "v"}, {"role": "assistant", "content": "a"}]
    pq.write_table(pa.Table.from_pylist([{"messages": with_call}, {"messages": plain}]), tmp_path / "a.parquet")
    prepared = run(str(tmp_path / "a.parquet"), shuffle=False)
    values = [row.value["messages"] for row in (*prepared.train, *(prepared.validation or ()))]
    assert plain in values
    parsed = [{"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}]
    assert [with_call[0], {"role": "assistant", "content": "", "tool_calls": parsed}] in values


def test_columns_that_come_late_or_change_their_type_do_no_harm(write: Write) -> None:
    rows: list[Any] = [{"text": "a", "id": 1}, {"text": "b", "id": "two"}, {"text": "c", "late": [1]}]
    prepared = run(write("a.jsonl", "\ufeff" + "\n".join(map(json.dumps, rows))))
    assert prepared.sources[0].columns == ("text", "id", "late")
    assert prepared.sources[0].rows == 3


def test_a_hundred_thousand_rows_load(write: Write) -> None:
    line = '{"messages": [{"role": "user", "content": "question %d"}, {"role": "assistant", "content": "answer"}]}\n'
    prepared = run(write("a.jsonl", "".join(line % number for number in range(100_000))))
    assert (len(prepared.train), len(prepared.validation or ())) == (98_000, 2_000)


@pytest.mark.parametrize("name", ["gone.jsonl", "a.csv"])
def test_an_extra_dataset_that_cannot_be_read_names_itself(write: Write, tmp_path: Path, name: str) -> None:
    write("a.csv", "text\n\xff")
    write("a.csv", b"text\n\xff")
    with pytest.raises(DataError, match=name):
        run(write("a.jsonl", texts(0, 3)), extra_datasets=[str(tmp_path / name)])
