"""Rows with images as the trainer gets them: whole images, labels on replies alone, batches as they were counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import sections
from vision import make_vision_model, picture, write_colours

from forgelm.base.errors import ConfigError, DataError, TrainingError
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load_processor, resolve
from forgelm.train.scenes import Processing, SceneCollator, build_scene_dataset, collate_scenes, describe_scenes
from forgelm.train.tokenise import IGNORED
from forgelm.train.tokenised import TokenisedData, tokenise_data

PER_IMAGE = 5


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_vision_model(tmp_path_factory.mktemp("vlm"))


@pytest.fixture(scope="module")
def processor(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    config = ForgeConfig(**sections(model, tmp_path_factory.mktemp("none"), model={**_model(model)}))
    return load_processor(config, resolve(config))


def _model(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"name_or_path": str(folder), "multimodal": {"enabled": True}, **changes}


@pytest.fixture
def encode(model: Path, processor: Any, tmp_path: Path) -> Callable[..., TokenisedData]:
    """``encode(rows, **sections)``: the rows as a trainer gets them, in the order of the file; none is held out."""

    def run(rows: list[dict[str, Any]], **changes: Any) -> TokenisedData:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        changes["data"] = {"shuffle": False, **changes.get("data", {})}
        changes["model"] = _model(model, **changes.get("model", {}))
        config = ForgeConfig(**sections(path, tmp_path / "run", **changes))
        found = prepare_run(config)
        every = sorted([*found.train, *(found.validation or ())], key=lambda row: row.number)
        return tokenise_data(config, replace(found, train=tuple(every), validation=None), processor)

    return run


def learnt(data: TokenisedData, number: int = 0) -> str:
    labels = [label for label in data.train.examples[number].labels if label != IGNORED]
    return str(data.encoding.tokenizer.decode(labels))


def test_only_replies_are_learnt_whatever_stands_before_them(encode: Any, tmp_path: Path) -> None:
    write_colours(tmp_path, 2)
    talk = [
        {"role": "user", "content": "is <image> like <image>?"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "why"},
        {"role": "assistant", "content": "one is red"},
    ]
    images = ["pictures/0.png", "pictures/1.png"]
    rows = [{"image": images, "messages": talk}, {"image": images[1], "messages": talk[2:]}]
    data = encode(rows)
    assert learnt(data, 0) == "no<|end|>one is red<|end|>"
    assert learnt(data, 1) == "one is red<|end|>"
    token = data.encoding.tokenizer.convert_tokens_to_ids("<image>")
    assert [example.input_ids.count(token) for example in data.train.examples] == [2 * PER_IMAGE, PER_IMAGE]
    assert [example.scene.image_tokens for example in data.train.examples] == [2 * PER_IMAGE, PER_IMAGE]


def test_completions_plain_pairs_and_plain_text(encode: Any, tmp_path: Path) -> None:
    write_colours(tmp_path, 2)
    user, reply = {"role": "user", "content": "colour?"}, {"role": "assistant", "content": "red"}
    both = [{"image": f"pictures/{n}.png"} for n in range(2)]
    data = encode([{**row, "prompt": [user], "completion": [reply]} for row in both])
    assert learnt(data) == "red<|end|>"
    assert learnt(encode([{**row, "prompt": "colour?", "completion": " red"} for row in both])) == " red<|end|>"
    text = encode([{**row, "text": "a red field"} for row in both])
    assert learnt(text) == "a red field<|end|>"
    assert learnt(encode([{**row, "text": "a red field"} for row in both], data={"add_eos": False})) == "a red field"
    every = encode([{**row, "messages": [user, reply]} for row in both], training={"assistant_only_loss": False})
    assert learnt(every) == "<|user|>colour?<|end|><|assistant|>red<|end|>"


def test_a_batch_holds_the_tokens_that_were_counted_and_the_pixels(encode: Any, tmp_path: Path) -> None:
    rows = write_colours(tmp_path, 8)
    rows[3]["messages"][1]["content"] = "a much longer answer"
    data = encode(rows)
    pad = data.encoding.tokenizer.pad_token_id
    batch = collate_scenes(data.train.examples, pad_token_id=pad)
    token = data.encoding.tokenizer.convert_tokens_to_ids("<image>")
    assert (batch["input_ids"] == token).sum(dim=1).tolist() == [PER_IMAGE] * len(data.train.examples)
    assert batch["pixel_values"].shape == (len(data.train.examples), 3, 16, 16)
    for place, example in enumerate(data.train.examples):
        width = len(example.input_ids)
        assert batch["input_ids"][place, :width].tolist() == example.input_ids
        assert batch["labels"][place, :width].tolist() == example.labels
        assert batch["labels"][place, width:].eq(IGNORED).all()
        assert batch["attention_mask"][place].sum() == width
    assert not ((batch["labels"] == token).any() or (batch["labels"] == pad).any())


def test_an_image_is_never_cut_by_the_length_limit(encode: Any, tmp_path: Path) -> None:
    rows = write_colours(tmp_path, 6)
    rows[1]["image"] = [rows[1]["image"], rows[2]["image"], rows[3]["image"]]
    rows[4]["messages"][1]["content"] = "x" * 40
    whole = encode(rows)
    length = max(len(example.input_ids) for place, example in enumerate(whole.train.examples) if place not in (1, 4))
    data = encode(rows, model={"max_length": length}, data={"max_tokens_lost": 0.9})
    ledger = data.train.ledger
    assert (ledger.rows, ledger.rows_dropped, ledger.rows_truncated) == (len(whole.train.examples) - 2, 2, 0)
    assert [row.reason for row in ledger.lost] == [
        f"longer than max_length with its {3 * PER_IMAGE} image tokens",
        f"longer than max_length with its {PER_IMAGE} image tokens",
    ]
    assert [row.where.rpartition(":")[2] for row in ledger.lost] == ["2", "5"]
    kept = {example.row.number: example.input_ids for example in whole.train.examples}
    assert all(example.input_ids == kept[example.row.number] for example in data.train.examples)
    with pytest.raises(DataError, match="2 dropped"):
        encode(rows, model={"max_length": length})


def test_words_that_the_model_takes_for_an_image_are_refused(encode: Any, tmp_path: Path, processor: Any) -> None:
    rows = write_colours(tmp_path, 3)
    rows[1]["messages"][0]["content"] = "what is <pic> here?"
    changed = Processing(_calling(processor, "<pic>"))
    data = encode(rows)
    assert len(list(changed.encode([data.train.examples[0].row], data.encoding))) == 1
    with pytest.raises(DataError, match="cannot read 1 rows") as caught:
        list(changed.encode([example.row for example in data.train.examples], data.encoding))
    assert caught.value.problems[0].line == 2


def _calling(processor: Any, other: str) -> Any:
    """A processor whose token for an image is also the word ``other``, as for models whose word is not ours."""

    class Other(type(processor)):  # type: ignore[misc]
        def __call__(self, images: Any = None, text: Any = None, **options: Any) -> Any:
            return super().__call__(images=images, text=[one.replace(other, "<image>") for one in text], **options)

    made = Other.__new__(Other)
    made.__dict__.update(processor.__dict__)
    return made


def test_half_an_image_file_is_an_error_with_its_row(encode: Any, tmp_path: Path) -> None:
    rows = write_colours(tmp_path, 4)
    path = tmp_path / rows[2]["image"]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="cannot be decoded") as caught:
        encode(rows)
    assert caught.value.problems[0].line == 3


def test_a_batch_that_became_another_is_refused(encode: Any, tmp_path: Path) -> None:
    data = encode(write_colours(tmp_path, 2))
    example = data.train.examples[0]
    short = replace(example, input_ids=example.input_ids[:-1], labels=example.labels[:-1])
    with pytest.raises(TrainingError, match="makes other tokens of this row"):
        collate_scenes([short], pad_token_id=0)
    (tmp_path / "pictures" / "0.png").write_bytes(picture("blue", seed=99))
    with pytest.raises(DataError, match="changed while it was in use"):
        collate_scenes([example], pad_token_id=0)


def test_the_dataset_opens_no_image_before_its_batch(encode: Any, tmp_path: Path) -> None:
    data = encode(write_colours(tmp_path, 4))
    for path in (tmp_path / "pictures").iterdir():
        path.rename(path.with_suffix(".away"))
    dataset = build_scene_dataset(data.train.examples)
    assert list(dataset["input_ids"]) == [example.input_ids for example in data.train.examples]
    assert dataset[0]["images"] == 1
    with pytest.raises(DataError, match="cannot be read"):
        SceneCollator(0)([dataset[0]])


def test_the_record_knows_every_image_and_how_it_was_read(encode: Any, tmp_path: Path, processor: Any) -> None:
    rows = write_colours(tmp_path, 4)
    data = encode(rows)
    processing = Processing(processor)
    record = describe_scenes(processing, data.train.examples)
    assert record["images"] == len(data.train.examples)
    assert record["image_tokens"] == PER_IMAGE * record["images"]
    assert record["processor"] == "LlavaProcessor"
    (tmp_path / rows[0]["image"]).write_bytes(picture("red", seed=77))
    assert describe_scenes(processing, encode(rows).train.examples)["images_sha256"] != record["images_sha256"]
    before = processing.sha256
    processor.image_processor.image_mean = (0.5, 0.5, 0.5)
    assert processing.sha256 != before == record["preprocessing_sha256"]


def test_several_processes_are_refused(encode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ConfigError, match="trained by one process"):
        encode(write_colours(tmp_path, 2))
