"""Whole models and adapters, opened to be asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import Finished

from forgelm.base.errors import ModelError
from forgelm.model.generate import generate_replies
from forgelm.model.open import open_model

CHAT = [[{"role": "user", "content": "Two teas for table 4, please."}]]


def test_a_whole_model() -> None:
    opened = open_model("builtin/ember", offline=True, token=None)
    assert not opened.is_adapter
    assert not opened.model.training
    assert generate_replies(opened.model, opened.tokenizer, CHAT, max_new_tokens=8)[0]


def test_an_adapter_and_the_base_below_it(finished: Finished) -> None:
    opened = open_model(str(finished.root / "final_model"), offline=True, token=None)
    assert opened.is_adapter
    assert opened.revision.repo_id == "builtin/ember"
    base = open_model("builtin/ember", offline=True, token=None)
    tuned = generate_replies(opened.model, opened.tokenizer, CHAT, max_new_tokens=24)
    with opened.without_adapter() as below:
        plain = generate_replies(below, opened.tokenizer, CHAT, max_new_tokens=24)
    assert plain == generate_replies(base.model, base.tokenizer, CHAT, max_new_tokens=24) != tuned
    assert generate_replies(opened.model, opened.tokenizer, CHAT, max_new_tokens=24) == tuned


@pytest.mark.parametrize("name", ["MODEL.GGUF", "/no/such/folder", ""])
def test_what_is_no_model_is_refused(name: str) -> None:
    with pytest.raises(ModelError):
        open_model(name, offline=True, token=None)


@pytest.mark.parametrize("config", ["{", "[]", "{}", json.dumps({"base_model_name_or_path": 3})])
def test_an_adapter_that_names_no_base_is_refused(finished: Finished, tmp_path: Path, config: str) -> None:
    shutil.copytree(finished.root / "final_model", tmp_path / "adapter")
    (tmp_path / "adapter" / "adapter_config.json").write_text(config)
    with pytest.raises(ModelError, match="adapter_config"):
        open_model(str(tmp_path / "adapter"), offline=True, token=None)
