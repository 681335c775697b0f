"""Two real processes train one model: the losses of one, one log, one reply; killed and stopped in good order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.run.single import run_single
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.seal import broken_seal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="gloo and process groups are those of POSIX here")
LAUNCH = (sys.executable, "-m", "forgelm", "launch", "--nproc", "2", "--output-format", "json")
TRAINING = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "logging_steps": 1, "save_steps": 3}


def write_config(folder: Path, **changes: Any) -> Path:
    """A configuration of eight steps for two processes, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_rows(folder / "rows.jsonl", order_rows(71))
    training = {**TRAINING, **changes.pop("training", {})}
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(sections(rows, folder / "run", training=training, **changes)), encoding="utf-8")
    return path


def start(config: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LAUNCH, "--config", str(config), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    said, noise = process.communicate(timeout=300)
    assert said.count("\n") == 1, (said, noise)
    return process.returncode, json.loads(said), noise


def losses(folder: Path) -> list[float]:
    newest = list_checkpoints(folder / "run")[-1]
    assert broken_seal(newest) is None
    history = json.loads((newest / "trainer_state.json").read_text())["log_history"]
    return [entry["loss"] for entry in history if "loss" in entry]


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes of the training, by number: those of the launcher's children that say so."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == process.pid and (rank := [v for v in environment if v.startswith(b"RANK=")]):
            found[int(rank[0][5:])] = int(entry.name)
    return [found[index] for index in sorted(found)]


def wait_for(condition: Any, seconds: float = 120) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The losses of one process that takes two micro-batches a step."""
    folder = tmp_path_factory.mktemp("alone")
    path = write_config(folder, training={"gradient_accumulation_steps": 2}, lora={"dropout": 0.1})
    run_single(ForgeConfig(**yaml.safe_load(path.read_text())))
    return losses(folder)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", [None, "fsdp"])
def test_two_processes_learn_what_one_learns(tmp_path: Path, alone: list[float], strategy: str | None) -> None:
    changes = {"distributed": {"strategy": strategy}} if strategy else {"training": {"memory_probe": True}}
    code, reply, _ = finish(start(write_config(tmp_path, lora={"dropout": 0.1}, **changes)))
    assert (code, reply["verdict"]) == (0, "promoted")
    checked = next(gate for gate in reply["gates"] if gate["gate"] == "self_check")
    assert (checked["status"], checked["value"] <= checked["limit"]) == ("passed", True)
    assert losses(tmp_path) == pytest.approx(alone, rel=1e-4)
    assert len(alone) == 8
    log = verify_audit_log(str(tmp_path / "run" / "audit_log.jsonl"))
    assert (log.valid, log.entries_count) == (True, reply["audit_log"]["size"])
    tried = (tmp_path / "run" / "audit_log.jsonl").read_text(encoding="utf-8").count("training.memory_probed")
    assert tried == (strategy is None)  # once a process, and the first one's stands in the log


@pytest.mark.slow
def test_all_weights_are_sharded_and_come_back_in_one_piece(tmp_path: Path) -> None:
    """Told to train on for long, so that the signal finds it training; two steps more are taken after it."""
    path = write_config(
        tmp_path,
        lora=None,
        training={"learning_rate": 1e-3, "lr_scheduler_type": "constant", "num_train_epochs": 500},
        distributed={
            "strategy": "fsdp",
            "fsdp_state_dict_type": "SHARDED_STATE_DICT",
            "fsdp_strategy": "shard_grad_op",
        },
    )
    process = start(path)
    wait_for(lambda: (tmp_path / "run" / "checkpoint-3").is_dir() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    code, reply, noise = finish(process)
    assert (code, reply["resumable"]) == (75, True), noise
    stopped = list_checkpoints(tmp_path / "run")[-1]
    assert broken_seal(stopped) is None
    assert {path.name for path in (stopped / "pytorch_model_fsdp_0").glob("*.distcp")} == {
        "__0_0.distcp",
        "__1_0.distcp",
    }
    last = f"training.max_steps={int(stopped.name.rpartition('-')[2]) + 2}"
    code, reply, _ = finish(start(path, "--resume", "--set", last))
    assert (code, reply["verdict"]) == (0, "promoted")
    names = [json.loads(line)["event"] for line in (tmp_path / "run" / "audit_log.jsonl").read_text().splitlines()]
    assert names.count("training.resumed") == 1

    whole = yaml.safe_load(path.read_text())
    whole["training"]["output_dir"] = str(tmp_path / "whole")
    path.write_text(yaml.safe_dump(whole))
    code, uninterrupted, _ = finish(start(path, "--set", last))
    assert uninterrupted["metrics"] == pytest.approx(reply["metrics"])
    weights = Path("final_model") / "model.safetensors"
    assert sha256_file(tmp_path / "whole" / weights) == sha256_file(tmp_path / "run" / weights)


@pytest.mark.slow
def test_a_killed_process_ends_the_run_with_its_number_and_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    path = write_config(tmp_path, training={"num_train_epochs": 200, "save_steps": 2})
    process = start(path)
    wait_for(lambda: list_checkpoints(tmp_path / "run"))
    os.kill(children(process)[1], signal.SIGKILL)
    code, reply, noise = finish(process)
    assert code == 2
    assert "another process of this training was lost" in reply["error"]
    assert "process 1 was killed by SIGKILL" in noise
    assert "Traceback" not in noise
    assert broken_seal(list_checkpoints(tmp_path / "run")[-1]) is None
    assert not (tmp_path / "run" / "final_model").exists()
    names = [json.loads(line)["event"] for line in (tmp_path / "run" / "audit_log.jsonl").read_text().splitlines()]
    assert names[-2:] == ["pipeline.failed", "run.closed"]

    again = start(path, "--resume")
    newest = list_checkpoints(tmp_path / "run")[-1].name
    wait_for(lambda: not (tmp_path / "run" / newest).exists() or list_checkpoints(tmp_path / "run")[-1].name != newest)
    os.kill(children(again)[0], signal.SIGKILL)
    code, reply, _ = finish(again)
    assert code == 2
    assert "process 0 was killed by SIGKILL" in reply["error"]
    assert broken_seal(list_checkpoints(tmp_path / "run")[-1]) is None
