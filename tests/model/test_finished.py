"""A finished model by its name: whole, or an adapter on the base that its folder names."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from support import Finished, sections

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.finished import load_finished

CONFIG = ForgeConfig(**sections("d.jsonl", "out"))


def test_a_whole_model_and_a_bundled_one_are_loaded_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(str(files("forgelm.model") / "ember"), folder)
    for name in ("builtin/ember", str(folder)):
        found = load_finished(CONFIG, name)
        assert not found.is_adapter and not found.model.training
        assert found.tokenizer.chat_template


def test_an_adapter_is_put_on_its_base_and_changes_what_it_says(finished: Finished) -> None:
    import torch

    found = load_finished(CONFIG, str(finished.result.final_model_path))
    base = load_finished(CONFIG, "builtin/ember")
    assert found.is_adapter and found.revision.repo_id == "builtin/ember"
    ids = torch.tensor([found.tokenizer("table 4, two teas")["input_ids"]])
    with torch.no_grad():
        assert not torch.allclose(found.model(ids).logits, base.model(ids).logits, atol=1e-3)


@pytest.mark.parametrize(
    ("content", "said"), [("{", "cannot be read"), ("{}", "does not name"), ("[]", "does not name")]
)
def test_an_adapter_without_a_base_says_so(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "adapter_config.json").write_text(content)
    with pytest.raises(ModelError, match=said):
        load_finished(CONFIG, str(tmp_path))


def test_a_broken_adapter_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "builtin/ember"}))
    with pytest.raises(ModelError, match="the adapter"):
        load_finished(CONFIG, str(tmp_path))
