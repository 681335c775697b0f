"""Templates: the model fits the machine, the reason is said, and the config that is written loads and trains."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from forgelm.assist.preview import preview_dataset
from forgelm.assist.starters import Choice, choose_model, largest_gpu_gb, log_choice, write_starter
from forgelm.assist.templates import EMBEDDED, ORDERS, STARTERS, Template
from forgelm.base.errors import ConfigError, DataError
from forgelm.config.load import load_config
from forgelm.model.hardware import read_torch

MATHS, DOMAIN = STARTERS["grpo-math"], STARTERS["domain-expert"]


@pytest.mark.parametrize(
    ("vram_gb", "model", "quantised"),
    [
        (None, MATHS.fallback_model, False),
        (11.9, MATHS.fallback_model, True),
        (12.0, MATHS.primary_model, True),
        (80.0, MATHS.primary_model, True),
    ],
)
def test_the_largest_gpu_decides_and_the_reason_names_it(vram_gb: float | None, model: str, quantised: bool) -> None:
    choice = choose_model(MATHS, vram_gb)
    assert (choice.model, choice.quantised) == (model, quantised)
    assert "12 GB" in choice.reason


def test_what_the_user_names_wins_and_offline_leaves_the_bundled_model() -> None:
    assert choose_model(MATHS, 80.0, model="org/mine", offline=True).model == "org/mine"
    reason = choose_model(MATHS, None, offline=True).reason
    assert choose_model(MATHS, 80.0, offline=True) == Choice(EMBEDDED, reason, vram_gb=80.0)
    assert not choose_model(MATHS, 80.0, model=EMBEDDED).quantised
    assert choose_model(ORDERS, 80.0).model == EMBEDDED


def test_the_memory_is_what_torch_says() -> None:
    assert (largest_gpu_gb() is None) is (not read_torch().devices)


@pytest.mark.parametrize("starter", STARTERS.values(), ids=lambda starter: starter.name)
@pytest.mark.parametrize("vram_gb", [None, 24.0])
def test_every_template_is_a_config_that_loads(tmp_path: Path, starter: Template, vram_gb: float | None) -> None:
    (tmp_path / "own.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    own = None if starter.bundled_dataset else str(tmp_path / "own.jsonl")
    path = tmp_path / 'a "quoted" folder' / "config.yaml"
    started = write_starter(starter, choose_model(starter, vram_gb), dataset=own, output=str(path))
    config = load_config(started.config_path)
    assert config.training.trainer_type == starter.trainer_type
    assert config.model.name_or_path == started.choice.model
    assert config.model.load_in_4bit is (vram_gb is not None)
    assert Path(config.data.dataset_name_or_path).exists()
    head = path.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head)
    assert started.choice.reason in head[1] and starter.license_note in head[2]
    assert ("Not medical advice" in head[-1]) is (starter.name == "medical-qa-tr")


def test_nothing_is_overwritten_and_missing_rows_are_asked_for(tmp_path: Path) -> None:
    choice = choose_model(MATHS, None)
    path = write_starter(MATHS, choice, output=str(tmp_path / "config.yaml")).config_path
    with pytest.raises(ConfigError, match="exists already"):
        write_starter(MATHS, choice, output=path)
    with pytest.raises(ConfigError, match="data exists already"):
        write_starter(MATHS, choice, output=str(tmp_path / "second.yaml"))
    with pytest.raises(ConfigError, match="no rows of its own"):
        write_starter(DOMAIN, choice, output=str(tmp_path / "other" / "config.yaml"))
    assert not (tmp_path / "other").exists()


def test_what_learns_from_rewards_is_held_against_the_base_models(tmp_path: Path) -> None:
    path = write_starter(MATHS, choose_model(MATHS, None), output=str(tmp_path / "config.yaml")).config_path
    evaluation = load_config(path).evaluation
    assert evaluation is not None
    assert evaluation.auto_revert


def test_a_hub_id_stays_as_it_is(tmp_path: Path) -> None:
    started = write_starter(DOMAIN, choose_model(DOMAIN, None), dataset="org/rows", output=str(tmp_path / "c.yaml"))
    assert started.dataset == "org/rows"


@pytest.mark.parametrize("starter", [one for one in STARTERS.values() if one.bundled_dataset], ids=lambda one: one.name)
def test_the_bundled_model_reads_every_bundled_row_whole(tmp_path: Path, starter: Template) -> None:
    started = write_starter(starter, choose_model(starter, None, offline=True), output=str(tmp_path / "c.yaml"))
    ledger = preview_dataset(load_config(started.config_path)).ledger
    assert (ledger["rows_truncated"], ledger["rows_dropped"]) == (0, 0)


def test_the_choice_is_logged_beside_the_config_one_line_each_time(tmp_path: Path) -> None:
    choice = choose_model(DOMAIN, 11.0, model="org/mine")
    for number in range(2):
        started = write_starter(DOMAIN, choice, dataset="org/rows", output=str(tmp_path / f"{number}.yaml"))
        path = log_choice(DOMAIN, started, dry_run=True)
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert datetime.fromisoformat(first.pop("timestamp")).utcoffset() == timedelta(0)
    assert {**second, "timestamp": None} == {**first, "timestamp": None}
    assert first == {
        "event_type": "quickstart.model_selection",
        "template": "domain-expert",
        "template_primary_model": DOMAIN.primary_model,
        "template_fallback_model": DOMAIN.fallback_model,
        "template_min_vram_for_primary_gb": 10.0,
        "available_vram_gb": 11.0,
        "chosen_model": "org/mine",
        "selection_reason": "given with --model",
        "model_override_used": True,
        "dataset_override_used": True,
        "dry_run": True,
    }


def test_own_rows_are_looked_at_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"a": 1}\n')
    for name, said in (("odd.jsonl", "columns are not recognised"), ("gone.jsonl", "no such file")):
        with pytest.raises(DataError, match=said):
            write_starter(
                DOMAIN,
                choose_model(DOMAIN, None),
                dataset=str(tmp_path / name),
                output=str(tmp_path / "new" / "c.yaml"),
            )
    assert not (tmp_path / "new").exists()
