"""Rows with images: each picture has its place in the text, and its digest in what the row is known by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from vision import picture, write_colours

from forgelm.base.errors import DataError
from forgelm.base.files import sha256_bytes
from forgelm.config.data import DataConfig
from forgelm.config.multimodal import MultimodalConfig
from forgelm.data.prepare import prepare
from forgelm.data.rows import PreparedData
from forgelm.data.split import content_keys

USER = {"role": "user", "content": "colour?"}
REPLY = {"role": "assistant", "content": "red"}


def load(folder: Path, rows: list[Any], data: dict[str, Any] | None = None, **images: Any) -> PreparedData:
    folder.mkdir(exist_ok=True)
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config = DataConfig(dataset_name_or_path=str(path), shuffle=False, **(data or {}))
    return prepare(config, seed=1, images=MultimodalConfig(enabled=True, **images))


def one(folder: Path, row: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the normalised form of ``row``, whose images are in ``folder``."""
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(picture("red", seed=ord(name[0])))
    return load(folder, [row], **options).train[0].value


@pytest.mark.parametrize(
    ("row", "part", "said"),
    [
        ({"messages": [USER, REPLY]}, "messages", "<image>colour?"),
        ({"messages": [{"role": "system", "content": "s"}, USER, REPLY]}, "messages", "<image>colour?"),
        ({"messages": [{**USER, "content": "look: <image> now"}, REPLY]}, "messages", "look: <image> now"),
        (
            {"messages": [{**USER, "content": [{"type": "text", "text": "look "}, {"type": "image"}]}, REPLY]},
            "messages",
            "look <image>",
        ),
        (
            {"conversations": [{"from": "human", "value": "<image>\ncolour?"}, {"from": "gpt", "value": "red"}]},
            "messages",
            "<image>\ncolour?",
        ),
        ({"prompt": [USER], "completion": [REPLY]}, "prompt", "<image>colour?"),
        ({"question": "colour?", "answer": "red"}, "prompt", "<image>colour?"),
        ({"instruction": "colour?", "output": "red"}, "prompt", "<image>colour?"),
    ],
)
def test_every_shape_of_conversation_can_have_an_image(
    tmp_path: Path, row: dict[str, Any], part: str, said: str
) -> None:
    value = one(tmp_path, {"image": "a.png", **row})
    assert [message["content"] for message in value[part] if message["role"] == "user"] == [said]
    assert value["images"] == [sha256_bytes((tmp_path / "a.png").read_bytes())]
    assert "image" not in value


def test_plain_text_and_pairs_have_theirs_in_front(tmp_path: Path) -> None:
    assert one(tmp_path, {"image": "a.png", "text": "a red field"})["text"] == "<image>a red field"
    pair = one(tmp_path, {"image": "a.png", "prompt": "colour?", "completion": " red"})
    assert (pair["prompt"], pair["completion"]) == ("<image>colour?", " red")


def test_the_columns_are_the_users(tmp_path: Path) -> None:
    row = {"photo": ["a.png", "b.png"], "caption": "two", "text": "not this"}
    value = one(tmp_path, row, image_column="photo", text_column="caption")
    assert value["text"] == "<image><image>two"
    assert len(value["images"]) == 2
    mapping = load(tmp_path, [row], image_column="photo", text_column="caption").sources[0].mapping
    assert mapping == (("text", "caption"), ("image", "photo"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [{**USER, "content": "<image> <image>"}, REPLY]}, "has 1 images and 2 times <image>"),
        ({"messages": [USER, {**REPLY, "content": "an <image>"}]}, "a reply holds <image>"),
        ({"prompt": "colour?", "completion": "<image>"}, "a reply holds <image>"),
        ({"messages": [REPLY]}, "holds no user message"),
        (
            {"messages": [{**USER, "content": [{"type": "image", "path": "b.png"}]}, REPLY]},
            "a message holds an image itself",
        ),
        ({"image": None, "messages": [USER, REPLY]}, "'image' holds no image"),
    ],
)
def test_images_without_a_place_are_refused(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError) as caught:
        one(tmp_path, {"image": "a.png", **row})
    assert reason in str(caught.value)
    assert caught.value.problems[0].line == 1


def test_every_broken_image_is_named_with_its_line(tmp_path: Path) -> None:
    rows = write_colours(tmp_path, 8)
    rows[2]["image"], rows[5]["image"] = "gone.png", "https://example.org/a.png"
    (tmp_path / rows[6]["image"]).write_bytes(b"no image")
    with pytest.raises(DataError, match="the images of 3 rows cannot be used") as caught:
        load(tmp_path, rows)
    assert [problem.line for problem in caught.value.problems] == [3, 6, 7]


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.multimodal\.image_column: .* has no column 'imag'") as caught:
        one(tmp_path, {"image": "a.png", "text": "red"}, image_column="imag")
    assert caught.value.hint == "did you mean 'image'?"


def test_rows_that_differ_in_their_image_alone_are_two(tmp_path: Path) -> None:
    rows = write_colours(tmp_path, 2)
    rows = [{**rows[0], "image": row["image"]} for row in rows] + [dict(rows[0])]
    prepared = load(tmp_path, rows, data={"validation_split_ratio": 0.3})
    keys = {row.number: key for row, key in zip(prepared.train, content_keys(prepared.train), strict=True)}
    held = {
        row.number: key
        for row, key in zip(prepared.validation or (), content_keys(prepared.validation or ()), strict=True)
    }
    every = keys | held
    assert every[1] == every[3] != every[2]
    assert set(keys) in ({1, 3}, {2})


def test_paths_begin_at_the_file_that_names_them(tmp_path: Path) -> None:
    rows = write_colours(tmp_path / "inner", 4)
    path = tmp_path / "inner" / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config = DataConfig(dataset_name_or_path=str(tmp_path / "inner"))
    assert len(prepare(config, seed=1, images=MultimodalConfig(enabled=True)).train) >= 3


def test_parquet_holds_the_bytes_themselves(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    data = [picture("green", seed=seed) for seed in range(3)]
    rows = [{"image": {"bytes": item, "path": "x.png"}, "text": f"row {n}"} for n, item in enumerate(data)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    config = DataConfig(dataset_name_or_path=str(tmp_path / "rows.parquet"), shuffle=False)
    prepared = prepare(config, seed=1, images=MultimodalConfig(enabled=True))
    every = sorted([*prepared.train, *(prepared.validation or ())], key=lambda row: row.number)
    assert [row.value["images"] for row in every] == [[sha256_bytes(item)] for item in data]
