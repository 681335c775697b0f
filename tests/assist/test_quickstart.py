"""The quickstart: held-out exact match rises by at least a half, with no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.assist.quickstart import run_quickstart, write_quickstart
from forgelm.base.errors import ConfigError
from forgelm.config.load import load_config


def test_the_written_config_loads_and_stands_on_its_own(tmp_path: Path) -> None:
    started = write_quickstart(str(tmp_path / "new" / "config.yaml"))
    config = load_config(started.config_path)
    assert config.model.offline
    assert config.data.dataset_name_or_path == started.dataset
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["config.yaml", "heldout.jsonl", "train.jsonl"]


@pytest.mark.parametrize("name", ["config.yaml", "train.jsonl", "heldout.jsonl"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"{name} exists already"):
        write_quickstart(str(tmp_path / "config.yaml"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_folder_with_quotes_and_spaces_works(tmp_path: Path) -> None:
    started = write_quickstart(str(tmp_path / 'a "quoted" folder' / "config.yaml"))
    assert Path(load_config(started.config_path).data.dataset_name_or_path).is_file()


@pytest.mark.slow
def test_the_model_learns_the_task_on_rows_it_never_saw(tmp_path: Path) -> None:
    report = run_quickstart(Path(write_quickstart(str(tmp_path / "config.yaml")).config_path))
    assert report.held_out_rows >= 64
    assert report.exact_match_before <= 0.02
    assert report.exact_match_after >= 0.9
    assert report.result.success
    assert all(answer.before != answer.wanted for answer in report.answers)
