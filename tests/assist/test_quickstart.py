"""The quickstart: held-out exact match rises by at least a half, with no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.assist.quickstart import TEMPLATES, run_quickstart, write_quickstart
from forgelm.base.errors import ConfigError
from forgelm.config.load import load_config


def test_the_written_config_loads_and_stands_on_its_own(tmp_path: Path) -> None:
    path = write_quickstart("orders", str(tmp_path / "new" / "config.yaml"))
    config = load_config(str(path))
    assert config.model.offline
    assert Path(config.data.dataset_name_or_path).is_file()
    assert (path.parent / "heldout.jsonl").is_file()


def test_nothing_is_overwritten_and_unknown_templates_are_named(tmp_path: Path) -> None:
    path = write_quickstart("orders", str(tmp_path / "config.yaml"))
    with pytest.raises(ConfigError, match="exists already"):
        write_quickstart("orders", str(path))
    with pytest.raises(ConfigError, match="no template 'tea'") as raised:
        write_quickstart("tea", None)
    assert all(name in str(raised.value) for name in TEMPLATES)


def test_a_folder_with_quotes_and_spaces_works(tmp_path: Path) -> None:
    path = write_quickstart("orders", str(tmp_path / 'a "quoted" folder' / "config.yaml"))
    assert Path(load_config(str(path)).data.dataset_name_or_path).is_file()


@pytest.mark.slow
def test_the_model_learns_the_task_on_rows_it_never_saw(tmp_path: Path) -> None:
    report = run_quickstart(write_quickstart("orders", str(tmp_path / "config.yaml")))
    assert report.held_out_rows >= 64
    assert report.exact_match_before <= 0.02
    assert report.exact_match_after >= 0.9
    assert report.result.success
    assert all(answer.before != answer.wanted for answer in report.answers)
