from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from merging import EMBER

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.inventory import require_intact, write_integrity_manifest
from forgelm.publish.deploy.targets import TARGETS, Wishes
from forgelm.publish.deploy.write import write_deployment
from forgelm.publish.gguf.export import export_gguf


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copytree(EMBER, tmp_path / "model")
    write_integrity_manifest(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_gets_its_file(model: Path, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = write_deployment("model", target)
    assert report.output_path == TARGETS[target].file_name
    text = (tmp_path / report.output_path).read_text()
    assert "1024" in text  # what the model can read, which is less than the usual 4096
    assert report.output_path in report.start
    require_intact(model)


def test_a_changed_model_is_refused_and_nothing_written(model: Path, tmp_path: Path) -> None:
    (model / "config.json").write_text((model / "config.json").read_text() + " ")
    with pytest.raises(IntegrityError, match=r"config\.json changed"):
        write_deployment(str(model), "vllm", output=str(tmp_path / "out.yaml"))
    assert not (tmp_path / "out.yaml").exists()


def test_more_than_the_model_can_read_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1024 tokens at most, and 2048 were asked for"):
        write_deployment(str(model), "vllm", output=str(tmp_path / "o"), wishes=Wishes(max_length=2048))


def test_what_a_target_has_no_place_for_is_said(model: Path, tmp_path: Path) -> None:
    wishes = Wishes(system="Be brief.", port=9000)
    report = write_deployment(str(model), "vllm", output=str(tmp_path / "o"), wishes=wishes)
    assert report.notes == ("vllm has no place for --system: it was left out",)
    report = write_deployment(str(model), "ollama", output=str(tmp_path / "o"), wishes=wishes)
    assert report.notes == ("ollama has no place for --port: it was left out",)


def test_the_sealed_folder_is_not_written_to(model: Path) -> None:
    with pytest.raises(ConfigError, match="lies in the model folder"):
        write_deployment(str(model), "vllm", output=str(model / "vllm_config.yaml"))
    with pytest.raises(ConfigError, match="lies in the model folder"):
        write_deployment(str(model), "vllm", output=str(model))
    require_intact(model)


def test_a_gguf_file_goes_where_it_is_read(model: Path, tmp_path: Path) -> None:
    export_gguf(model, tmp_path / "m.gguf", quant="f16")
    report = write_deployment(str(tmp_path / "m.gguf"), "ollama", output=str(tmp_path / "Modelfile"))
    assert Path(report.output_path).read_text().startswith(f"FROM {tmp_path / 'm.gguf'}\n")
    with pytest.raises(ConfigError, match="tgi does not read GGUF files"):
        write_deployment(str(tmp_path / "m.gguf"), "tgi", output=str(tmp_path / "o"))
    with pytest.raises(ConfigError, match="there is no target 'docker'"):
        write_deployment(str(model), "docker")
