from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from merging import EMBER, write_adapter, write_variant

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.publish.deploy.model import look_at_model
from forgelm.publish.gguf.export import export_gguf


def copy(folder: Path) -> Path:
    shutil.copytree(EMBER, folder)
    return folder


def test_a_whole_model_is_described(tmp_path: Path) -> None:
    model = copy(tmp_path / "waiter")
    found = look_at_model(str(model), needs_folder=True)
    assert (found.place, found.name, found.dtype, found.context_length) == (str(model), "waiter", "bfloat16", 1024)
    assert found.stop == ("<|end|>",)
    assert found.template_file == str(model / "chat_template.jinja")
    assert "is not sealed" in found.notes[0]
    write_integrity_manifest(model)
    assert look_at_model(str(model), needs_folder=True).notes == ()


def test_every_token_that_ends_a_turn_is_a_stop(tmp_path: Path) -> None:
    model = copy(tmp_path / "m")
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 3]}))
    assert look_at_model(str(model), needs_folder=True).stop == ("<|end|>", "<|user|>")


def test_a_changed_model_is_refused(tmp_path: Path) -> None:
    model = copy(tmp_path / "m")
    write_integrity_manifest(model)
    (model / "extra").touch()
    with pytest.raises(IntegrityError, match="extra added"):
        look_at_model(str(model), needs_folder=False)


@pytest.mark.parametrize("place", ["final_model.staging.fg-123", "quarantine/fg-1/final_model", "quarantine/fg-1"])
def test_a_model_that_is_not_final_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(ConfigError, match="is not a final model"):
        look_at_model(str(copy(tmp_path / place)), needs_folder=True)


def test_what_is_no_whole_model_is_refused(tmp_path: Path) -> None:
    write_adapter(tmp_path / "adapter")
    with pytest.raises(ConfigError, match="holds an adapter") as caught:
        look_at_model(str(tmp_path / "adapter"), needs_folder=True)
    assert "forgelm merge" in str(caught.value.hint)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"no readable config\.json"):
        look_at_model(str(tmp_path / "empty"), needs_folder=True)
    with pytest.raises(ConfigError, match="there is no folder"):
        look_at_model("org/name", needs_folder=True)
    with pytest.raises(ConfigError, match="inside this package"):
        look_at_model("builtin/ember", needs_folder=False)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ConfigError, match=r"neither a model folder nor a \.gguf file"):
        look_at_model(str(tmp_path / "notes.txt"), needs_folder=False)


def test_a_hub_id_is_taken_at_its_word(tmp_path: Path) -> None:
    found = look_at_model("org/name", needs_folder=False)
    assert (found.place, found.is_local) == ("org/name", False)
    assert "nothing about it was checked" in found.notes[0]


def test_a_gguf_file_is_checked(tmp_path: Path) -> None:
    export_gguf(write_variant(tmp_path / "m"), tmp_path / "m.gguf", quant="f16")
    assert look_at_model(str(tmp_path / "m.gguf"), needs_folder=True).is_gguf
    with (tmp_path / "m.gguf").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ConfigError, match="cannot be served"):
        look_at_model(str(tmp_path / "m.gguf"), needs_folder=True)


def test_an_end_that_is_no_number_ends_nothing(tmp_path: Path) -> None:
    shutil.copytree(EMBER, tmp_path / "model")
    (tmp_path / "model" / "generation_config.json").write_text('{"eos_token_id": [[1]]}')
    assert look_at_model(str(tmp_path / "model"), needs_folder=True).name == "model"
