"""What a user gets wrong about launching is one reply; trainings are in run/test_several_processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.base.errors import ExitCode, StoppedError, TrainingError
from forgelm.cli.launch import _reply
from forgelm.cli.main import run
from forgelm.train.launch import Layout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--nproc", "0"], "not in the range"),
        (["--nproc", "2", "--nodes", "2"], "a place to meet"),
        (["--nproc", "2", "--nodes", "2", "--node-rank", "2", "--master", "h:1"], "counted from 0"),
        (["--nproc", "2", "--master", "nowhere"], "not HOST:PORT"),
    ],
)
def test_a_layout_that_cannot_be_is_one_reply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("model: {name_or_path: m}\nlora: {}\ntraining: {}\ndata: {dataset_name_or_path: d}\n")
    assert run(["launch", "--config", str(path), *arguments, "--output-format", "json"]) is ExitCode.CONFIG
    assert reason in json.loads(capsys.readouterr().out)["error"]


def test_a_pipeline_is_refused_before_a_process_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chain.yaml"
    stages = "pipeline: {output_dir: %s, stages: [{name: a, training: {trainer_type: sft, output_dir: %s}}]}\n"
    text = "model: {name_or_path: m}\nlora: {}\ntraining: {}\ndata: {dataset_name_or_path: d}\n"
    path.write_text(text + stages % (tmp_path / "chain", tmp_path / "a"))
    assert run(["launch", "--config", str(path), "--nproc", "2", "--output-format", "json"]) is ExitCode.CONFIG
    said = capsys.readouterr()
    reply = json.loads(said.out)
    assert reply["error"] == f"{path} has a pipeline, whose stages run in one process"
    assert f"forgelm --config {path}" in reply["hint"]
    assert said.err == "" and list(tmp_path.iterdir()) == [path]


def test_the_first_process_s_reply_is_the_reply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = tmp_path / "0.json"
    first.write_text(json.dumps({"code": 3, "said": '{"success": false}\n'}))
    reply = _reply(first, {1: -9}, Layout(2), as_json=True)
    assert (reply.exit_code, reply.envelope, reply.text) == (
        ExitCode.GATE_FAILED,
        {"success": False},
        '{"success": false}',
    )
    assert capsys.readouterr().err == "process 1 was killed by SIGKILL\n"


def test_without_a_reply_it_is_said_what_became_of_the_processes(tmp_path: Path) -> None:
    nothing = tmp_path / "0.json"
    with pytest.raises(TrainingError, match="process 1 was killed by SIGKILL"):
        _reply(nothing, {0: 1, 1: -9}, Layout(2), as_json=True)
    with pytest.raises(TrainingError, match="process 0 ended with exit code 1"):
        _reply(nothing, {0: 1}, Layout(2), as_json=True)
    with pytest.raises(StoppedError):
        _reply(nothing, {}, Layout(2), as_json=True)
    other = _reply(nothing, {}, Layout(2, 2, 1, "h:1"), as_json=True)
    assert other.envelope["status"] == "this machine's part is done; machine 0 gives the verdict"
