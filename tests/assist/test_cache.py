"""What is fetched for later is on the record, and what could not be is not said to be there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.assist.cache import cache_models, cache_tasks
from forgelm.base.errors import ConfigError, ForgeError, StorageError
from forgelm.evidence.chain import verify_audit_log


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def events(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (folder / "audit_log.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("online")
def test_tasks_that_are_here_are_read_and_recorded(tmp_path: Path) -> None:
    found = cache_tasks(["cafe_orders", "cafe_talk"], audit_dir=str(tmp_path))
    assert found.complete and [task.name for task in found.tasks] == ["cafe_orders", "cafe_talk"]
    assert events(tmp_path)[:2] == ["cache.populate_tasks_requested", "cache.populate_tasks_completed"]
    assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).valid


@pytest.mark.usefixtures("online")
def test_one_that_fails_leaves_the_others_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "lost.yaml").write_text(
        "task: lost\ndataset_path: json\ndataset_kwargs: {data_files: {test: lost.jsonl}}\ntest_split: test\n"
        "output_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
    )
    found = cache_tasks(["lost", "cafe_talk"], include_path=[str(tmp_path)], audit_dir=str(tmp_path))
    assert not found.complete and [task.cached for task in found.tasks] == [False, True]
    assert "the data of lost cannot be had" in str(found.tasks[0].error)
    assert "cache.populate_tasks_failed" in events(tmp_path)


def test_a_machine_told_to_stay_offline_fetches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="nothing can be fetched"):
        cache_tasks(["cafe_talk"])
    with pytest.raises(ConfigError, match="nothing can be fetched"):
        cache_models(["org/model"], output=str(tmp_path))


@pytest.mark.usefixtures("online")
@pytest.mark.parametrize("names", [[], [" "]])
def test_names_are_needed(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="at least one benchmark"):
        cache_tasks(names)
    with pytest.raises(ConfigError, match="at least one model"):
        cache_models(names)


@pytest.mark.usefixtures("online")
def test_a_model_that_cannot_be_fetched_is_a_failure_on_the_record(tmp_path: Path) -> None:
    with pytest.raises(ForgeError, match=r"not//a name could not be fetched") as failed:
        cache_models(["not//a name"], output=str(tmp_path / "hub"), audit_dir=str(tmp_path))
    assert failed.value.exit_code == 2
    assert events(tmp_path)[:2] == ["cache.populate_models_requested", "cache.populate_models_failed"]


@pytest.mark.usefixtures("online")
def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        cache_models(["org/model"], output=str(tmp_path / "file" / "sub"))
