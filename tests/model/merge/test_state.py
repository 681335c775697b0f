from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from merging import EMBER, write_adapter, write_variant

from forgelm.base.errors import ModelError
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.state import HEAD, open_state, read_model_config


def test_a_shared_output_layer_is_read_as_the_embedding() -> None:
    state = open_state(EMBER)
    assert state.is_tied and state.table == "model.embed_tokens.weight" and not state.splits_tie
    assert np.array_equal(state.read(HEAD), state.read("model.embed_tokens.weight"))
    assert HEAD not in [item.name for item in state.plan()]


def test_a_model_with_an_output_layer_of_its_own(tmp_path: Path) -> None:
    state = open_state(write_variant(tmp_path, tie_word_embeddings=False))
    assert not state.is_tied
    assert HEAD in [item.name for item in state.plan()]


def test_an_adapter_on_one_of_two_shared_layers_parts_them(tmp_path: Path) -> None:
    write_adapter(tmp_path, target_modules=["embed_tokens"])
    state = open_state(EMBER, adapter=load_adapter(tmp_path))
    assert state.splits_tie
    assert state.plan()[-1].name == HEAD
    assert not np.array_equal(state.read(HEAD), state.read("model.embed_tokens.weight"))


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(EMBER, tmp_path / "m")
    config = json.loads((EMBER / "config.json").read_bytes())
    (tmp_path / "m" / "config.json").write_text(json.dumps({**config, "quantization_config": {"bits": 4}}))
    with pytest.raises(ModelError, match="are quantised"):
        open_state(tmp_path / "m")


@pytest.mark.parametrize("content", [None, "", "[]", "{", "[" * 100_000])
def test_a_broken_configuration_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json"):
        read_model_config(tmp_path)
