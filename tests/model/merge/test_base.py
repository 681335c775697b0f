from __future__ import annotations

import logging
from pathlib import Path

import pytest
from merging import EMBER, write_adapter

from forgelm.base.errors import ModelError
from forgelm.model.merge.adapter import load_adapter
from forgelm.model.merge.base import find_base, find_model


def test_the_recorded_base_is_found(tmp_path: Path) -> None:
    write_adapter(tmp_path)
    adapter = load_adapter(tmp_path)
    assert find_base(adapter, None, offline=True, token=None).folder == EMBER
    assert find_base(adapter, "builtin/ember", offline=True, token=None).folder == EMBER
    assert find_base(adapter, str(EMBER), offline=True, token=None).folder == EMBER


def test_another_base_is_refused_unless_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_adapter(tmp_path, base="org/another-model")
    adapter = load_adapter(tmp_path)
    with pytest.raises(ModelError, match=r"was trained on org/another-model, not on builtin/ember"):
        find_base(adapter, "builtin/ember", offline=True, token=None)
    with caplog.at_level(logging.WARNING):
        found = find_base(adapter, "builtin/ember", offline=True, token=None, allow_other_base=True)
    assert found.folder == EMBER
    assert "merged into builtin/ember, as asked" in caplog.text


def test_an_adapter_that_recorded_nothing_needs_a_name(tmp_path: Path) -> None:
    write_adapter(tmp_path, base=None)
    with pytest.raises(ModelError, match="does not say what its base model is"):
        find_base(load_adapter(tmp_path), None, offline=True, token=None)
    assert find_base(load_adapter(tmp_path), "builtin/ember", offline=True, token=None).folder == EMBER


def test_a_model_that_is_nowhere_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model at"):
        find_model(str(tmp_path / "none"), offline=True)
    with pytest.raises(ModelError, match="could not be fetched"):
        find_model("nobody/never-downloaded", offline=True)
