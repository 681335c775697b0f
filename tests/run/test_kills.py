"""A training killed at random moments, resumed each time, ends with the weights and metrics of an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import order_rows, sections, write_rows

from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.run.single import run_single
from forgelm.train.checkpoints import list_checkpoints
from forgelm.train.seal import broken_seal

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")

# Everything heavy is imported once; each session is a child that is killed after a few steps, or at any time at all.
DRIVER = """
import gc, json, os, random, shutil, signal, sys, time, traceback
import peft, torch, transformers, trl
from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.run.single import run_single
torch.set_num_threads(1)
gc.collect()
gc.freeze()  # a child that collects garbage leaves out what it was born with
config = ForgeConfig(**json.loads(sys.argv[1]))
kills, rng = int(sys.argv[2]), random.Random(int(sys.argv[3]))

def session(pipe):
    def listen(event, **fields):
        if event is Event.PROGRESS:
            os.write(pipe, b".")
    result = run_single(config, resume="auto", listen=listen)
    print(json.dumps(result.metrics), flush=True)

def start():
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            session(there)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(there)
    return child, here

killed = 0
while killed < kills:
    child, pipe = start()
    if rng.random() < 0.8:
        for _ in range(rng.randrange(1, 9)):
            os.read(pipe, 1)
        time.sleep(rng.random() * 0.05)
    else:
        time.sleep(rng.random() * 2)
    os.close(pipe)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        killed += 1
    elif os.WEXITSTATUS(status):
        sys.exit("a session failed")
    else:
        shutil.rmtree(config.training.output_dir)
child, _ = start()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def train_under_fire(folder: Path, kills: int) -> tuple[dict[str, float], dict[str, float]]:
    data = write_rows(folder / "rows.jsonl", order_rows(90))

    def settings(name: str) -> dict[str, Any]:
        training = {"max_steps": 24, "save_steps": 2, "eval_steps": 2, "logging_steps": 1}
        training |= {"per_device_train_batch_size": 4, "neftune_noise_alpha": 1.0}
        return sections(data, folder / name, training=training, lora={"r": 4, "dropout": 0.1})

    command = [sys.executable, "-c", DRIVER, json.dumps(settings("fire")), str(kills), "7"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    undisturbed = run_single(ForgeConfig(**settings("calm")))
    adapters = [folder / name / "final_model" / "adapter_model.safetensors" for name in ("fire", "calm")]
    assert sha256_file(adapters[0]) == sha256_file(adapters[1])
    assert [broken_seal(path) for path in list_checkpoints(folder / "fire")] == [None] * 3
    assert not list((folder / "fire").glob(".writing-*"))
    assert verify_audit_log(str(folder / "fire" / "audit_log.jsonl")).valid
    return json.loads(done.stdout.splitlines()[-1]), undisturbed.metrics


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    under_fire, undisturbed = train_under_fire(tmp_path, 20)
    assert under_fire == undisturbed


@pytest.mark.torture
def test_two_hundred_kills_change_nothing(tmp_path: Path) -> None:
    under_fire, undisturbed = train_under_fire(tmp_path, 200)
    assert under_fire == undisturbed
