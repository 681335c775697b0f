"""``forgelm doctor`` as a user calls it: one document, the exit codes, and a line with a fix per finding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.assist.doctor.check import Check, Diagnosis, Status
from forgelm.base.errors import ExitCode
from forgelm.cli.doctor import _envelope, _exit_code
from forgelm.cli.main import run


def call(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forgelm", "doctor", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, cwd=cwd, capture_output=True, text=True, check=False
    )


def test_one_document_whose_success_is_the_exit_code(tmp_path: Path) -> None:
    done = call("--offline", "--json", cwd=tmp_path)
    reply = json.loads(done.stdout)
    assert set(reply) == {"success", "checks", "summary"}
    assert set(reply["summary"]) == {"pass", "warn", "fail", "crashed"}
    assert (done.returncode == 0) is reply["success"]
    assert reply["success"] is (reply["summary"]["fail"] == reply["summary"]["crashed"] == 0)
    assert {tuple(check) for check in reply["checks"]} == {("name", "status", "detail", "extras", "fix")}
    assert list(tmp_path.iterdir()) == []


def test_a_refused_hub_ends_with_1_and_says_what_to_set(tmp_path: Path) -> None:
    done = call("--output-format", "json", cwd=tmp_path, HF_ENDPOINT="http://169.254.169.254", HF_HUB_OFFLINE="0")
    assert done.returncode == 1
    (hub,) = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "hf_hub.reachable"]
    assert hub["status"] == "fail" and "HF_ENDPOINT" in hub["fix"]


def test_the_text_has_a_line_per_probe_and_the_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    run(["doctor", "--offline"])
    said = capsys.readouterr().out
    assert "hf_hub.offline_cache" in said and "hf_hub.reachable" not in said
    assert "python.version" in said and "fix: " in said
    assert said.rstrip().splitlines()[-1].endswith(" crashed")


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.PASS, Status.WARN), ExitCode.OK),
        ((Status.PASS, Status.FAIL), ExitCode.CONFIG),
        ((Status.FAIL, Status.CRASHED), ExitCode.RUNTIME),
    ],
)
def test_the_worst_finding_decides(statuses: tuple[Status, ...], code: ExitCode) -> None:
    found = Diagnosis(tuple(Check("a", status, "b") for status in statuses))
    assert _exit_code(found) is code
    assert _envelope(found)["success"] is (code is ExitCode.OK)
