"""What a model is called with: padded on the right, a mask where it is wanted, images where the rows have some."""

from __future__ import annotations

from pathlib import Path

import torch
from support import ember_model
from transformers import AutoModelForImageTextToText, AutoProcessor
from vision import make_vision_model, picture

from forgelm.base.files import sha256_bytes
from forgelm.data.picture import Picture
from forgelm.data.rows import Row
from forgelm.train.inputs import build_inputs
from forgelm.train.scene import Scene
from forgelm.train.tokenise import Example

ROW = Row({"text": ""}, "rows", 1)


def test_text_is_padded_and_masked() -> None:
    rows = [Example([5, 6, 7], [5, 6, 7], ROW), Example([8], [8], ROW)]
    found = build_inputs(ember_model(), rows, pad_token_id=0)
    assert found["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert set(build_inputs(ember_model(), rows[:1], pad_token_id=0, masked=False)) == {"input_ids"}


def test_images_come_in_the_numbers_of_the_model(tmp_path: Path) -> None:
    folder = make_vision_model(tmp_path)
    processor = AutoProcessor.from_pretrained(str(folder))
    data = picture("red")
    ids = processor.tokenizer("<image>" * 5 + "red")["input_ids"]
    scene = Scene(processor, "<image>red", (Picture(sha256_bytes(data), data=data),), 5, False)
    model = AutoModelForImageTextToText.from_pretrained(str(folder), dtype=torch.bfloat16)
    pad = processor.tokenizer.pad_token_id
    found = build_inputs(model, [Example(ids, ids, ROW, scene=scene)], pad_token_id=pad)
    assert set(found) == {"input_ids", "attention_mask", "pixel_values"}
    assert found["pixel_values"].dtype is torch.bfloat16
    assert found["input_ids"].tolist() == [ids]
    assert model(**found).logits.shape[1] == len(ids)
