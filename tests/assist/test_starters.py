"""Templates: the model fits the machine, the reason is said, and the config that is written loads and trains."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from forgelm.assist.starters import EMBEDDED, STARTERS, Choice, choose_model, largest_gpu_gb, write_starter
from forgelm.base.errors import ConfigError
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
    assert choose_model(MATHS, 80.0, offline=True) == Choice(EMBEDDED, choose_model(MATHS, None, offline=True).reason)


def test_the_memory_is_what_torch_says() -> None:
    assert (largest_gpu_gb() is None) is (not read_torch().devices)


@pytest.mark.parametrize("starter", STARTERS.values(), ids=lambda starter: starter.name)
@pytest.mark.parametrize("vram_gb", [None, 24.0])
def test_every_template_is_a_config_that_loads(tmp_path: Path, starter: object, vram_gb: float | None) -> None:
    found = STARTERS[getattr(starter, "name")]  # noqa: B009
    (tmp_path / "own.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    own = None if found.bundled_dataset else str(tmp_path / "own.jsonl")
    path = tmp_path / 'a "quoted" folder' / "config.yaml"
    started = write_starter(found, choose_model(found, vram_gb), dataset=own, output=str(path))
    config = load_config(started.config_path)
    assert config.training.trainer_type == found.trainer_type
    assert config.model.name_or_path == started.choice.model
    assert config.model.load_in_4bit is (vram_gb is not None)
    assert Path(config.data.dataset_name_or_path).is_file()
    assert started.choice.reason in path.read_text().splitlines()[1]


def test_the_sums_are_forty_each_with_its_number() -> None:
    folder = files("forgelm.assist") / "grpo_math"
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["prompt"] for row in rows}) == len(rows) == 40
    assert all(set(row) == {"prompt", "gold_answer"} and row["gold_answer"].isdecimal() for row in rows)
    assert "Licence: Apache-2.0" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "count"), [("customer_support", 58), ("code_assistant", 59)])
def test_the_conversations_are_as_many_as_is_said_and_none_is_twice(name: str, count: int) -> None:
    folder = files("forgelm.assist") / name
    rows = [json.loads(line)["messages"] for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({question["content"] for question, _ in rows}) == len(rows) == count
    assert {(question["role"], answer["role"]) for question, answer in rows} == {("user", "assistant")}
    assert all(answer["content"].strip() for _, answer in rows)
    assert "Licence: Apache-2.0" in (folder / "README.md").read_text(encoding="utf-8")


def test_every_solution_is_python_that_runs() -> None:
    text = (files("forgelm.assist") / "code_assistant" / "train.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        answer = json.loads(line)["messages"][1]["content"]
        assert answer.startswith("```python\n") and answer.endswith("\n```")
        exec(compile(answer[10:-4], "answer", "exec"), {})


def test_nothing_is_overwritten_and_missing_rows_are_asked_for(tmp_path: Path) -> None:
    choice = choose_model(MATHS, None)
    path = write_starter(MATHS, choice, output=str(tmp_path / "config.yaml")).config_path
    with pytest.raises(ConfigError, match="exists already"):
        write_starter(MATHS, choice, output=path)
    with pytest.raises(ConfigError, match=r"train\.jsonl exists already"):
        write_starter(MATHS, choice, output=str(tmp_path / "second.yaml"))
    with pytest.raises(ConfigError, match="no rows of its own"):
        write_starter(DOMAIN, choice, output=str(tmp_path / "other" / "config.yaml"))
    assert not (tmp_path / "other").exists()


def test_a_hub_id_stays_as_it_is(tmp_path: Path) -> None:
    started = write_starter(DOMAIN, choose_model(DOMAIN, None), dataset="org/rows", output=str(tmp_path / "c.yaml"))
    assert started.dataset == "org/rows"
