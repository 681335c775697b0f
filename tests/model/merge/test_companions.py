from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from merging import EMBER

from forgelm.base.errors import ModelError
from forgelm.model.merge.companions import check_token_ids, copy_companions, write_model_config
from forgelm.model.merge.state import open_state


def test_tokenizer_and_licence_come_along_and_weights_do_not(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for path in EMBER.iterdir():
        (base / path.name).write_bytes(path.read_bytes())
    (base / "LICENSE.txt").write_text("free")
    (base / "script.py").write_text("print()")
    target = tmp_path / "target"
    target.mkdir()
    assert copy_companions(target, base, [tmp_path]) == base
    assert {path.name for path in target.iterdir()} == {
        *("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json", "LICENSE.txt")
    }


def test_the_configuration_says_what_the_weights_are(tmp_path: Path) -> None:
    state = open_state(EMBER)
    written = json.loads(write_model_config(tmp_path, state, "F16").read_bytes())
    assert written == {**state.config, "dtype": "float16"}
    nested = replace(state, config={"text_config": {"vocab_size": 7}, "torch_dtype": "float32"})
    written = json.loads(write_model_config(tmp_path, nested, "BF16").read_bytes())
    assert written == {"text_config": {"vocab_size": 1024}, "torch_dtype": "bfloat16"}


def test_ids_without_a_row_are_refused(tmp_path: Path) -> None:
    check_token_ids(EMBER, 1024)
    check_token_ids(tmp_path, 1)
    with pytest.raises(ModelError, match="ids up to 1023, but the merged model's embedding has 1000 rows"):
        check_token_ids(EMBER, 1000)
    for content in ("", "[]", '{"model": 3}', '{"model": {"vocab": {"a": "x"}}}'):
        (tmp_path / "tokenizer.json").write_text(content)
        with pytest.raises(ModelError, match="is not a tokenizer"):
            check_token_ids(tmp_path, 5)
