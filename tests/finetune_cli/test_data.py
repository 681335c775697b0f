"""Datasets: every kind of file, which columns are learnt from, what is a target, what is padded, what is held out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_from_disk
from support import ember_tokenizer, write_rows

from finetune_cli.core.exceptions import (
    DatasetError,
    DatasetLoadError,
    DatasetNotFoundError,
    EmptyDatasetError,
    IncompatibleConfigError,
    InvalidConfigError,
    NoTextColumnsError,
)
from finetune_cli.core.types import DatasetConfig, DatasetSource, TokenizationConfig
from finetune_cli.data import DataPipeline, DatasetAnalyzer, detect_columns, prepare_dataset, quick_load
from finetune_cli.data.encoding import read_examples
from finetune_cli.data.layout import Kind, choose_layout
from finetune_cli.data.rendering import join_columns, render_prompt, split_prompt

TEXTS = ["one large tea", "two small lattes please", "a brownie for table nine"]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return ember_tokenizer()


def local(path: Path | str, **changes: Any) -> DatasetConfig:
    return DatasetConfig(source=DatasetSource.LOCAL_FILE, path=str(path), **changes)


def write_kind(folder: Path, kind: str, column: str = "text") -> Path:
    path = folder / f"rows.{kind}"
    rows = [{column: text, "id": number} for number, text in enumerate(TEXTS)]
    if kind == "jsonl":
        write_rows(path, rows)
    elif kind == "json":
        path.write_text(json.dumps(rows))
    elif kind == "csv":
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [column, "id"])
            writer.writeheader()
            writer.writerows(rows)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(TEXTS) + "\n")
    return path


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet", "txt"])
def test_every_kind_of_file_gives_the_same_tokens(kind: str, tmp_path: Path, tokenizer: Any) -> None:
    made = quick_load(write_kind(tmp_path, kind), tokenizer, max_length=32)
    assert isinstance(made, Dataset)
    assert made.column_names == ["input_ids", "attention_mask", "labels"]
    for row, text in zip(made, TEXTS, strict=True):
        count = sum(row["attention_mask"])
        assert {len(row[name]) for name in made.column_names} == {32}
        assert row["input_ids"][:count] == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        assert row["labels"][:count] == row["input_ids"][:count], "the end of text is a target"
        assert set(row["labels"][count:]) == {-100}, "a pad never is"


@pytest.mark.parametrize(("prompt", "reply"), [("prompt", "response"), ("prompt", "completion"), ("prompt", "output")])
def test_a_prompt_is_not_learnt(prompt: str, reply: str, tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{prompt: "tea? ", reply: "yes, two"}])
    (row,) = quick_load(path, tokenizer, max_length=24)
    count, asked = sum(row["attention_mask"]), len(tokenizer("tea? ")["input_ids"])
    assert set(row["labels"][:asked]) == {-100}
    assert row["labels"][asked:count] == row["input_ids"][asked:count]
    assert row["input_ids"][count - 1] == tokenizer.eos_token_id


def test_instructions_get_their_headings_and_their_prompt_is_masked(tmp_path: Path, tokenizer: Any) -> None:
    rows = [
        {"instruction": "Order", "input": "tea", "response": "ok"},
        {"instruction": "Go", "input": "", "response": "x"},
    ]
    made = quick_load(write_rows(tmp_path / "r.jsonl", rows), tokenizer, max_length=96)
    for row, source in zip(made, rows, strict=True):
        ids = row["input_ids"][: sum(row["attention_mask"])]
        assert tokenizer.decode(ids[:-1]) == render_prompt(source["instruction"], source["input"]) + source["response"]
        learnt = [token for token in row["labels"] if token != -100]
        assert tokenizer.decode(learnt[:-1]).strip() == source["response"]
    assert "### Input" not in render_prompt("Go", " ")
    assert render_prompt("Go", None, "Be brief").startswith("### System:\nBe brief\n\n### Instruction:\nGo\n\n")


def test_conversations_use_the_models_own_template(tmp_path: Path, tokenizer: Any) -> None:
    chat = [{"role": "user", "content": "tea"}, {"role": "assistant", "content": "two teas"}]
    (row,) = quick_load(write_rows(tmp_path / "r.jsonl", [{"messages": chat}]), tokenizer, max_length=64)
    ids = row["input_ids"][: sum(row["attention_mask"])]
    assert tokenizer.decode(ids).strip() == tokenizer.apply_chat_template(chat, tokenize=False).strip()
    assert "two teas" in tokenizer.decode([token for token in row["labels"] if token != -100])
    assert "user" not in tokenizer.decode([token for token in row["labels"] if token != -100])


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"text": "a", "id": 3}, ["text"]),
        ({"content": "a", "prompt": "b", "response": "c", "label": "d"}, ["content", "prompt", "response"]),
        ({"id": 1, "label": "positive"}, []),
        ({"Text": "a"}, ["Text"]),
        ({"text": 3}, []),
    ],
)
def test_text_columns_are_known_by_name_and_by_what_they_hold(columns: dict[str, Any], found: list[str]) -> None:
    assert detect_columns(Dataset.from_list([columns])) == found
    assert detect_columns([columns]) == found


@pytest.mark.parametrize(
    ("row", "kind", "columns"),
    [
        ({"input_ids": [1], "text": "a"}, Kind.TOKENS, ("input_ids",)),
        ({"messages": [{}], "text": "a"}, Kind.MESSAGES, ("messages",)),
        ({"prompt": "a", "response": "b", "text": "c"}, Kind.PAIR, ("prompt", "response")),
        ({"instruction": "a", "output": "b", "text": "c"}, Kind.INSTRUCTION, ("instruction", "output", "", "")),
        ({"question": "a", "context": "x", "answer": "b"}, Kind.INSTRUCTION, ("question", "answer", "context", "")),
        ({"text": "a", "body": "b"}, Kind.TEXT, ("text",)),
        ({"body": "b", "n": 1}, Kind.TEXT, ("body",)),
        ({"article": "a", "body": "b"}, Kind.JOINED, ("article", "body")),
        ({"text": None, "content": "b"}, Kind.TEXT, ("content",)),
    ],
)
def test_the_layout_of_rows(row: dict[str, Any], kind: Kind, columns: tuple[str, ...]) -> None:
    found = choose_layout([row])
    assert (found.kind, found.columns) == (kind, columns)


def test_columns_the_user_names(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{"a": "one", "b": "two", "text": "no"}])
    for names, text in ((["a"], "one"), (["b", "a"], "b: two a: one")):
        made = prepare_dataset(local(path, text_columns=names), TokenizationConfig(max_length=24), tokenizer)
        assert tokenizer.decode(made[0]["input_ids"], skip_special_tokens=True) == text
    with pytest.raises(InvalidConfigError, match=r"no column 'tex'.*did you mean 'text'"):
        prepare_dataset(local(path, text_columns=["tex"]), TokenizationConfig(), tokenizer)
    assert join_columns({"a": "x", "b": " ", "c": None}, ["a", "b", "c"]) == "a: x"


def test_text_with_the_response_heading_is_a_prompt_and_its_reply() -> None:
    text = render_prompt("Go") + "gone"
    assert split_prompt(text) == {"prompt": render_prompt("Go"), "completion": "gone"}
    assert split_prompt("plain") == {"text": "plain"}
    assert split_prompt(render_prompt("Go")) == {"text": render_prompt("Go")}


@pytest.mark.parametrize(
    ("name", "content", "kind", "said"),
    [
        ("absent.jsonl", None, DatasetNotFoundError, "no such file"),
        ("empty.jsonl", "", EmptyDatasetError, "holds no rows"),
        ("empty.json", "[]", EmptyDatasetError, "holds no rows"),
        ("empty.csv", "text\n", EmptyDatasetError, "holds no rows"),
        ("empty.txt", "", EmptyDatasetError, "holds no rows"),
        ("broken.jsonl", '{"text": "a"}\n{"text": \n', DatasetLoadError, "broken.jsonl:2"),
        ("labels.csv", "id,label\n1,positive\n", NoTextColumnsError, "columns: id, label"),
        ("null.jsonl", '{"prompt": "a", "response": "b"}\n{"prompt": null, "response": "b"}\n', DatasetLoadError, ":2"),
        ("blank.jsonl", '{"prompt": "a", "response": ""}\n', DatasetLoadError, "completion|response"),
        ("rows.xlsx", "x", DatasetLoadError, "xlsx"),
    ],
)
def test_data_that_cannot_be_used(
    name: str, content: str | None, kind: type[DatasetError], said: str, tmp_path: Path, tokenizer: Any
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(kind, match=said) as caught:
        quick_load(str(path), tokenizer)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_misspelt_file_is_named(tmp_path: Path, tokenizer: Any) -> None:
    write_kind(tmp_path, "jsonl")
    with pytest.raises(DatasetNotFoundError, match=r"did you mean .*rows\.jsonl"):
        quick_load(str(tmp_path / "row.jsonl"), tokenizer)


def test_the_first_rows_are_taken(tmp_path: Path, tokenizer: Any) -> None:
    made = quick_load(write_kind(tmp_path, "jsonl"), tokenizer, max_samples=2, max_length=24)
    assert len(made) == 2
    assert tokenizer.decode(made[0]["input_ids"], skip_special_tokens=True) == TEXTS[0]
    with pytest.raises(InvalidConfigError, match="source"):
        quick_load("x", tokenizer, source="cloud")


@pytest.mark.parametrize(
    ("settings", "lengths"),
    [
        ({"padding": "max_length", "max_length": 40}, {40}),
        ({"padding": "do_not_pad"}, None),
        ({"padding": "longest"}, "longest"),
        ({"padding": "do_not_pad", "max_length": 3}, {3}),
        ({"padding": "do_not_pad", "max_length": 3, "truncation": False}, None),
    ],
)
def test_padding_and_cutting(settings: dict[str, Any], lengths: Any, tmp_path: Path, tokenizer: Any) -> None:
    made = prepare_dataset(
        local(write_kind(tmp_path, "jsonl"), shuffle=False), TokenizationConfig(**settings), tokenizer
    )
    own = [len(tokenizer(text)["input_ids"]) + 1 for text in TEXTS]
    found = [len(row["input_ids"]) for row in made]
    wanted = {None: own, "longest": [max(own)] * 3}.get(lengths) if not isinstance(lengths, set) else None
    assert found == wanted if wanted else set(found) == lengths


def test_special_tokens_and_the_mask_can_be_left_out(tmp_path: Path, tokenizer: Any) -> None:
    settings = TokenizationConfig(add_special_tokens=False, return_attention_mask=False, padding="do_not_pad")
    made = prepare_dataset(local(write_kind(tmp_path, "jsonl"), shuffle=False), settings, tokenizer)
    assert made.column_names == ["input_ids", "labels"]
    assert made[0]["input_ids"] == tokenizer(TEXTS[0], add_special_tokens=False)["input_ids"]


def test_rows_are_held_out_and_equal_rows_stay_together(tmp_path: Path, tokenizer: Any) -> None:
    rows = [{"text": f"order {number // 2}"} for number in range(40)]
    path = write_rows(tmp_path / "r.jsonl", rows)
    made = prepare_dataset(
        local(path), TokenizationConfig(max_length=16), tokenizer, split_for_validation=True, validation_ratio=0.25
    )
    texts = {
        name: [tokenizer.decode(row["input_ids"], skip_special_tokens=True) for row in made[name]] for name in made
    }
    assert len(texts["validation"]) == 10
    assert set(texts["train"]).isdisjoint(texts["validation"])
    assert sorted([*texts["train"], *texts["validation"]]) == sorted(row["text"] for row in rows)
    again = prepare_dataset(
        local(path), TokenizationConfig(max_length=16), tokenizer, split_for_validation=True, validation_ratio=0.25
    )
    assert again["train"][:] == made["train"][:]
    other = prepare_dataset(
        local(path, seed=7), TokenizationConfig(max_length=16), tokenizer, split_for_validation=True
    )
    assert other["train"][:] != made["train"][:]
    with pytest.raises(InvalidConfigError, match="validation_ratio"):
        prepare_dataset(local(path), TokenizationConfig(), tokenizer, True, 1.5)


def test_a_validation_split_of_its_own_is_kept(tmp_path: Path, tokenizer: Any) -> None:
    (tmp_path / "data").mkdir()
    write_rows(tmp_path / "data" / "train.jsonl", [{"text": "a"}, {"text": "b"}])
    write_rows(tmp_path / "data" / "validation.jsonl", [{"text": "held out"}])
    made = prepare_dataset(local(tmp_path / "data"), TokenizationConfig(max_length=8), tokenizer, True)
    assert tokenizer.decode(made["validation"][0]["input_ids"], skip_special_tokens=True) == "held out"
    with pytest.raises(DatasetLoadError, match="no split 'extra'"):
        prepare_dataset(local(tmp_path / "data", split="extra"), TokenizationConfig(), tokenizer)
    chosen = local(tmp_path / "data", data_files=["validation.jsonl", "train.jsonl"], shuffle=False)
    assert len(prepare_dataset(chosen, TokenizationConfig(max_length=8), tokenizer)) == 3
    with pytest.raises(DatasetNotFoundError):
        prepare_dataset(local(tmp_path / "data", data_files="nothing.jsonl"), TokenizationConfig(), tokenizer)


def test_one_row_cannot_be_split(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{"text": "a"}])
    with pytest.raises(DatasetLoadError, match="hold some out"):
        prepare_dataset(local(path), TokenizationConfig(), tokenizer, True)


def test_what_cannot_be_honoured_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    path = write_kind(tmp_path, "jsonl")
    for changes, said in (({"streaming": True}, "streaming"), ({"config_name": "x"}, "config_name")):
        with pytest.raises(IncompatibleConfigError, match=said):
            prepare_dataset(local(path, **changes), TokenizationConfig(), tokenizer)
    with pytest.raises(InvalidConfigError, match="custom"):
        prepare_dataset(DatasetConfig(DatasetSource.CUSTOM, "x"), TokenizationConfig(), tokenizer)


def test_a_dataset_of_the_hub_comes_from_its_cache_offline(tokenizer: Any) -> None:
    with pytest.raises(DatasetLoadError, match="org/absent"):
        quick_load("org/absent", tokenizer, source="huggingface")
    with pytest.raises(DatasetLoadError, match="org/absent"):
        config = DatasetConfig(DatasetSource.HUGGINGFACE_HUB, "org/absent", config_name="part", max_samples=2)
        prepare_dataset(config, TokenizationConfig(), tokenizer)


def test_statistics_count_words_and_tokens_without_padding(tmp_path: Path, tokenizer: Any) -> None:
    pipeline = DataPipeline(local(write_kind(tmp_path, "jsonl")), TokenizationConfig(max_length=64), tokenizer)
    with pytest.raises(DatasetError, match="before run"):
        pipeline.get_statistics()
    with pytest.raises(DatasetError, match="before run"):
        pipeline.save_processed(tmp_path / "saved")
    pipeline.run()
    found = pipeline.get_statistics()
    words = [len(text.split()) for text in TEXTS]
    tokens = [len(tokenizer(text)["input_ids"]) + 1 for text in TEXTS]
    assert (found["num_samples"], found["avg_words"], found["max_words"]) == (3, sum(words) / 3, max(words))
    assert (found["total_tokens"], found["max_tokens"], found["rows_truncated"]) == (sum(tokens), max(tokens), 0)
    assert DatasetAnalyzer.analyze([{"a": "x y", "b": None}], ["a", "b"])["avg_words"] == 2


def test_what_was_made_is_saved_whole_and_overwrites_nothing(tmp_path: Path, tokenizer: Any) -> None:
    pipeline = DataPipeline(local(write_kind(tmp_path, "jsonl")), TokenizationConfig(max_length=16), tokenizer)
    made = pipeline.run(split_for_validation=False)
    folder = pipeline.save_processed(tmp_path / "processed")
    assert load_from_disk(str(folder))[:] == made[:]
    with pytest.raises(DatasetError, match="exists already"):
        pipeline.save_processed(folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="exists already"):
        pipeline.save_processed(tmp_path / "file")
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_tokens_are_read_back_without_their_padding(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(
        tmp_path / "r.jsonl", [{"prompt": "tea? ", "response": "yes"}, {"prompt": "a", "response": "b c d"}]
    )
    padded = read_examples(quick_load(path, tokenizer, max_length=64))
    bare = read_examples(
        prepare_dataset(local(path, shuffle=False), TokenizationConfig(padding="do_not_pad"), tokenizer)
    )
    assert [(one.input_ids, one.labels) for one in padded] == [(one.input_ids, one.labels) for one in bare]
    (left,) = read_examples(
        [{"input_ids": [0, 0, 5, 6], "attention_mask": [0, 0, 1, 1], "labels": [-100, -100, -100, 6]}]
    )
    assert (left.input_ids, left.labels) == ([5, 6], [-100, 6])
    (own,) = read_examples([{"input_ids": [5, 6]}])
    assert own.labels == [5, 6]


def test_a_tokenised_dataset_is_taken_as_it_is(tmp_path: Path, tokenizer: Any) -> None:
    rows = [{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}]
    path = tmp_path / "r.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    (row,) = prepare_dataset(local(path), TokenizationConfig(padding="do_not_pad"), tokenizer)
    assert (row["input_ids"], row["labels"]) == ([5, 6, 7], [-100, 6, 7])


def test_rows_are_counted_and_shuffled_as_the_section_says(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "r.jsonl", [{"text": f"order {number}"} for number in range(30)])

    def texts(**fields: Any) -> list[str]:
        made = prepare_dataset(local(path, **fields), TokenizationConfig(max_length=16), tokenizer)
        return [tokenizer.decode(row["input_ids"], skip_special_tokens=True) for row in made]

    in_order = texts(shuffle=False)
    assert in_order == [f"order {number}" for number in range(30)]
    assert texts(shuffle=True) != in_order
    assert sorted(texts(shuffle=True)) == sorted(in_order)
    assert texts(shuffle=False, max_samples=4) == in_order[:4]
