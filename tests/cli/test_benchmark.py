"""forgelm --benchmark-only: the contract's document, and exit code 3 where the model falls short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.cli.main import run

CONFIG = """
model: {{name_or_path: builtin/ember, max_length: 256, load_in_4bit: false, offline: true}}
lora: {{}}
training: {{output_dir: {folder}/run}}
data: {{dataset_name_or_path: nothing.jsonl}}
evaluation:
  benchmark: {{tasks: [cafe_orders], limit: 4, min_score: 0.5}}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.yaml").write_text(CONFIG.format(folder=tmp_path))
    return str(tmp_path / "run.yaml")


def test_a_model_that_falls_short_is_exit_code_3(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", path, "--benchmark-only", "builtin/ember", "--output-format", "json"]) == 3
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["model_path"]) == (False, "builtin/ember")
    assert reply["benchmark"] == {"scores": {"cafe_orders": 0.0}, "average": 0.0, "passed": False}
    assert "is below evaluation.benchmark.min_score" in reply["failure_reason"]


def test_one_that_passes_is_0_and_shown_to_people(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--set", "evaluation.benchmark.tasks=[cafe_records]", "--set", "evaluation.benchmark.gate_on=point"]
    assert run(["--config", path, *words, "--benchmark-only", "builtin/ember"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("verdict") and "PASSED" in said and "benchmark_results.json" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--benchmark-only", "./no/model/here"], "there is no model"),
        (["--benchmark-only", "builtin/ember", "--merge"], "exclude one another"),
        (["--benchmark-only", "builtin/ember", "--dry-run"], "exclude one another"),
        (["--benchmark-only", "builtin/ember", "--set", "evaluation=null"], "names no benchmark"),
    ],
)
def test_mistakes_are_exit_code_1_and_one_document(
    path: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--config", path, *words, "--output-format", "json"]) == 1
    reply = json.loads(capsys.readouterr().out)
    assert reply["success"] is False and said in reply["error"]
