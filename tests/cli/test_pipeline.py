"""``forgelm --config`` with a pipeline: one document, the gravest stage's code, and flags that only fit there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.cli.main import run


def config_file(tmp_path: Path, *, steps: int = 2, **changes: Any) -> str:
    rows = write_rows(tmp_path / "rows.jsonl", order_rows(16))
    stages = [
        {
            "name": name,
            "training": {
                "trainer_type": "sft",
                "max_steps": steps,
                "report_to": "none",
                "learning_rate": 1e-3,
                "output_dir": str(tmp_path / name),
            },
        }
        for name in ("one", "two")
    ]
    path = tmp_path / "run.yaml"
    pipeline = {"output_dir": str(tmp_path / "chain"), "stages": stages}
    path.write_text(yaml.safe_dump(sections(rows, tmp_path / "x", pipeline=pipeline, **changes)))
    return str(path)


@pytest.mark.slow
def test_a_pipeline_runs_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config_file(tmp_path)
    assert run(["--config", path, "--stage", "one"]) == 0
    Path(path).write_text(Path(path).read_text().replace("learning_rate: 0.005", "learning_rate: 0.006"))
    capsys.readouterr()
    assert run(["--config", path, "--resume-from", "two"]) == 1
    assert "is another one" in capsys.readouterr().err
    assert run(["--config", path, "--resume-from", "two", "--force-resume", "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["final_status"]) == (True, "completed")
    assert [stage["status"] for stage in reply["stages"]] == ["completed", "completed"]
    chain = str(tmp_path / "chain")
    assert run(["verify-annex-iv", chain, "--pipeline", "--output-format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["mode"], found["violations"], found["evidence_verified"]) == ("pipeline", [], 2)
    assert run(["verify-annex-iv", chain, "--pipeline"]) == 0
    assert capsys.readouterr().out.startswith("OK: 2 of 2 stages")
    (tmp_path / "chain/stages/one/test_report.json").write_text("{}")
    assert run(["verify-annex-iv", chain, "--pipeline"]) == 6
    assert run(["verify-annex-iv", str(tmp_path / "nowhere"), "--pipeline"]) == 1


def test_a_dry_run_shows_every_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", config_file(tmp_path), "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "one" in text and "two" in text
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--stage", "three"], "no stage 'three'"),
        (["--stage", "one", "--resume-from", "two"], "give one of the two"),
        (["--input-model", "x"], "what one stage begins with"),
        (["--resume-from", "two"], "no earlier state"),
    ],
)
def test_wishes_that_cannot_be_meant(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--config", config_file(tmp_path), *flags, "--output-format", "json"]) == 1
    assert said in json.loads(capsys.readouterr().out)["error"]


def test_the_flags_need_a_pipeline(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run")))
    assert run(["--config", str(path), "--stage", "one"]) == 1
    assert "configuration with a pipeline" in capsys.readouterr().err


MODES = [["--fit-check"], ["--merge"], ["--generate-data"], ["--benchmark-only", "m"]]


# Without a section synthetic, --generate-data has another thing to say first.
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != ["--generate-data"]])
def test_what_is_about_one_training_is_refused(
    mode: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--config", config_file(tmp_path), *mode]) == 1
    assert f"{mode[0]} is about one training" in capsys.readouterr().err


@pytest.mark.parametrize("mode", MODES)
def test_no_flag_is_taken_and_then_ignored(mode: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--config", config_file(tmp_path), *mode, "--stage", "one"]) == 1
    assert f"{mode[0]} is about one training" in capsys.readouterr().err
