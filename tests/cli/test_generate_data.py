"""forgelm --generate-data: the contract's document, its exit codes, and a signal in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from judges import completion
from loopback import Answer, Asked, serving
from small_disk import enlarge, mounted
from support import sections

from forgelm.base.network.replies import Cache
from forgelm.cli.main import run

KEYS = {"success", "total_prompts", "successful", "failed", "success_rate", "min_success_rate", "output_file",
        "duration_seconds", "errors"}  # fmt: skip


def write(folder: Path, url: str = "", **changes: Any) -> str:
    section = {"enabled": True, "teacher_model": "t", "api_base": url, "api_delay": 0, "api_workers": 1}
    section |= {"allow_private_destinations": True, "seed_prompts": ["a", "b"], "max_attempts": 1}
    section |= {"output_file": str(folder / "synthetic_data.jsonl"), **changes}
    whole = sections(folder / "none.jsonl", folder / "run", model={"offline": False}, synthetic=section)
    (folder / "run.yaml").write_text(yaml.safe_dump(whole))
    return str(folder / "run.yaml")


def test_the_document_and_the_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: completion("Hi.")) as server:
        path = write(tmp_path, server.url)
        assert run(["--config", path, "--generate-data", "--output-format", "json"]) == 0
        reply = json.loads(capsys.readouterr().out)
        assert set(reply) >= KEYS
        assert (reply["success"], reply["successful"], reply["success_rate"], reply["errors"]) == (True, 2, 1.0, [])
        assert run(["--config", path, "--generate-data"]) == 0
        assert "2 of 2 answered, 2 of them before" in capsys.readouterr().out
        assert len(server.asked) == 2


def test_too_few_replies_are_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(asked: Asked) -> Answer:
        return completion("Hi." if asked.json()["messages"][1]["content"] == "a" else "")

    with serving(answer) as server:
        path = write(tmp_path, server.url, min_success_rate=0.6)
        assert run(["--config", path, "--generate-data", "--output-format", "json"]) == 2
        reply = json.loads(capsys.readouterr().out)
        assert (reply["success"], reply["failed"], reply["rows"]) == (False, 1, 1)
        assert "50.0%" in reply["error"] and "empty" in reply["errors"][0]
        assert run(["--config", path, "--generate-data", "--set", "synthetic.min_success_rate=0.5"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "synthetic=null"], "synthetic.enabled"),
        (["--set", "synthetic.seed_prompts=[]"], "nothing to ask"),
        (["--set", "synthetic.seed_file=nowhere.jsonl"], "cannot be read"),
        (["--set", "synthetic.allow_private_destinations=false"], "127.0.0.1"),
        (["--set", "synthetic.api_key_env=NO_SUCH_VARIABLE_HERE"], "NO_SUCH_VARIABLE_HERE"),
        (["--offline"], "model.offline"),
        (["--merge"], "exclude one another"),
        (["--set", "pipeline={stages: [{name: one}]}"], "--generate-data is about one training"),
    ],
)
def test_mistakes_are_exit_code_1_and_one_document(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda _: completion("Hi.")) as server:
        path = write(tmp_path, server.url)
        assert run(["--config", path, "--generate-data", *words, "--output-format", "json"]) == 1
        assert server.asked == []
    reply = json.loads(capsys.readouterr().out)
    assert reply["success"] is False and said in str(reply)
    assert not (tmp_path / "synthetic_data.jsonl").exists()


def test_a_signal_ends_it_resumable_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    """The first answers are slow: all of them would take most of a minute, in which the signal must come through."""
    asked_one, over = threading.Event(), threading.Event()

    def answer(_: Asked) -> Answer:
        asked_one.set()
        over.wait(1)
        return completion("Hi.")

    with serving(answer) as server:
        path = write(tmp_path, server.url, seed_prompts=[str(n) for n in range(40)])
        command = [sys.executable, "-m", "forgelm", "--config", path, "--generate-data", "--output-format", "json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert asked_one.wait(120)
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=120)
        over.set()
        assert child.returncode == 75
        assert json.loads(out)["resumable"] is True
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        reply = json.loads(done.stdout)
        assert reply["rows"] == 40 and reply["resumed"] > 0
        assert len(server.asked) == 40


def test_a_disk_that_fills_up_loses_no_reply_and_leaves_no_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "word " * 2000
    with (
        serving(lambda asked: completion(asked.json()["messages"][1]["content"] + long)) as server,
        mounted(tmp_path / "disk", 48_000) as disk,
    ):
        prompts = [f"Question {number}" for number in range(8)]
        path = write(tmp_path, server.url, seed_prompts=prompts, output_file=str(disk / "synthetic_data.jsonl"))
        assert run(["--config", path, "--generate-data", "--output-format", "json"]) == 2
        assert "could not write" in json.loads(capsys.readouterr().out)["error"]
        left = {each.name for each in disk.iterdir()}
        assert "synthetic_data.jsonl.replies" in left
        assert left <= {"synthetic_data.jsonl.replies", ".synthetic_data.jsonl.lock"}
        kept = len(Cache(disk / "synthetic_data.jsonl.replies")._replies)
        assert 0 < kept < len(server.asked) <= 8
        enlarge(disk, 10**6)
        before = len(server.asked)
        assert run(["--config", path, "--generate-data"]) == 0
        assert len(server.asked) - before == 8 - kept
        assert len((disk / "synthetic_data.jsonl").read_text().splitlines()) == 8
