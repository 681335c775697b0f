"""Whole runs on the bundled model: what they leave behind, where the verdict sends the model, what stops them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Finished, Heard, order_rows, sections, write_rows

from forgelm.base.errors import ConfigError, DataError, ModelError, RunBusyError, StoppedError, TrainingError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.inventory import verify_integrity
from forgelm.run.folder import open_folder, run_files
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest

Make = Callable[..., ForgeConfig]


def staged(root: Path) -> list[str]:
    return [path.name for path in root.glob("*.staging.*")]


def test_a_good_run_promotes_a_model_that_got_better(finished: Finished) -> None:
    result = finished.result
    assert result.success
    assert not result.reverted
    assert result.final_model_path == str(finished.root / "final_model")
    assert result.metrics["eval_loss"] < result.metrics["baseline_eval_loss"] / 3
    assert {gate["gate"]: gate["status"] for gate in result.gates} == {"self_check": "passed", "loss": "passed"}
    assert staged(finished.root) == []


def test_the_evidence_verifies_and_the_log_tells_the_story(finished: Finished) -> None:
    verified = verify_audit_log(str(finished.root / "audit_log.jsonl"))
    assert verified.valid, verified.reason
    assert verify_integrity(str(finished.root / "final_model")).valid
    lines = (finished.root / "audit_log.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    story = [
        Event.PIPELINE_INITIALIZED,
        Event.DATA_PREPARED,
        Event.MODEL_LOADED,
        Event.TRAINING_STARTED,
        Event.TRAINING_COMPLETED,
        Event.MODEL_STAGED,
        Event.SELF_CHECK_COMPLETED,
        Event.LOSS_GATE_COMPLETED,
        Event.MODEL_INTEGRITY_VERIFIED,
        Event.MODEL_PROMOTED,
        Event.PIPELINE_COMPLETED,
    ]
    assert [event for event in events if event in story] == story
    assert verified.entries_count == len(events)


def test_events_have_the_fields_readers_look_for(finished: Finished) -> None:
    lines = [json.loads(line) for line in (finished.root / "audit_log.jsonl").read_text().splitlines()]
    told = {line["event"]: line for line in lines}
    for event, fields in {
        Event.PIPELINE_INITIALIZED: {"model", "trainer_type"},
        Event.TRAINING_STARTED: set(),
        Event.LOSS_GATE_COMPLETED: {"passed", "eval_loss", "max_acceptable_loss", "baseline_loss"},
        Event.MODEL_INTEGRITY_VERIFIED: {"artifacts"},
        Event.GOVERNANCE_EXPORTED: {"output_path", "dataset_count"},
        Event.GOVERNANCE_SECTION_MISSING: {"section", "expected_path"},
        Event.ARTIFACTS_EXPORTED: {"output_dir", "files", "governance_ok"},
        Event.PIPELINE_COMPLETED: {"success", "metrics_summary"},
    }.items():
        assert fields <= set(told[event]), event


def test_the_adapter_names_its_base_as_the_user_did(finished: Finished) -> None:
    adapter = json.loads((finished.root / "final_model" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "builtin/ember"


def test_progress_is_reported_with_loss_speed_and_time_left(finished: Finished) -> None:
    reports = [fields for event, fields in finished.heard.events if event is Event.PROGRESS]
    assert reports[-1]["step"] == reports[-1]["total"]
    assert any(report.get("loss") for report in reports)
    assert any(report["tokens_per_second"] for report in reports)
    assert reports[-1]["eta_seconds"] == 0


def test_two_runs_give_the_same_bytes(make_config: Make, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        config = make_config(
            training={"output_dir": str(tmp_path / name), "max_steps": 6}, lora={"r": 4, "dropout": 0.1}
        )
        result = run_single(config)
        digests.add(sha256_file(Path(str(result.final_model_path)) / "adapter_model.safetensors"))
    assert len(digests) == 1


def test_a_second_training_counts_the_compute_of_the_first(make_config: Make, tmp_path: Path) -> None:
    first = make_config(training={"output_dir": str(tmp_path / "one"), "max_steps": 2, "merge_adapters": True})
    run_single(first)
    model = tmp_path / "one" / "final_model"
    second = make_config(
        model={"name_or_path": str(model)}, training={"output_dir": str(tmp_path / "two"), "max_steps": 2}
    )
    run_single(second)
    records = [
        json.loads((tmp_path / name / "compliance" / "gpai_compute.json").read_text()) for name in ("one", "two")
    ]
    assert records[1]["original_model"] == records[0]["original_model"]
    (before,) = records[1]["earlier_modifications"]["from_lineage"]
    assert (before["run_id"], before["flop"]) == (records[0]["run_id"], records[0]["this_run"]["flop_used"])
    assert records[1]["modification_flop"] == pytest.approx(before["flop"] + records[1]["this_run"]["flop_used"])


def test_a_missing_attachment_stops_the_run_before_it_begins(make_config: Make, tmp_path: Path) -> None:
    statement = {"8": {"statement": "It was drawn up.", "file": str(tmp_path / "nowhere.pdf")}}
    heard = Heard()
    with pytest.raises(ConfigError, match=r"compliance\.annex_iv\.8\.file"):
        run_single(make_config(compliance={"annex_iv": statement}), listen=heard)
    assert Event.MODEL_LOADED not in heard.names()


def test_auto_revert_without_validation_rows_fails_closed(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "one.jsonl", order_rows(1))
    config = ForgeConfig(
        **sections(data, tmp_path / "run", training={"max_steps": 1}, evaluation={"auto_revert": True})
    )
    result = run_single(config)
    assert result.reverted
    assert next(gate for gate in result.gates if gate["gate"] == "loss")["status"] == "not_measured"


def test_full_fine_tuning_trains_every_weight(make_config: Make, tmp_path: Path) -> None:
    config = make_config(lora=None, training={"max_steps": 8, "learning_rate": 1e-3})
    result = run_single(config)
    assert result.success
    folder = tmp_path / "run" / "final_model"
    assert (folder / "model.safetensors").exists()
    assert not (folder / "adapter_config.json").exists()
    assert result.metrics["eval_loss"] < result.metrics["baseline_eval_loss"]


@pytest.mark.parametrize("method", ["dora", "rslora", "pissa"])
def test_every_adapter_method_survives_saving(make_config: Make, method: str) -> None:
    config = make_config(lora={"r": 4, "method": method}, training={"max_steps": 6, "learning_rate": 1e-3})
    result = run_single(config)
    check = next(gate for gate in result.gates if gate["gate"] == "self_check")
    assert check["status"] == "passed", check
    assert result.metrics["eval_loss"] < result.metrics["baseline_eval_loss"]


def test_merged_adapters_are_a_whole_model_that_says_the_same(make_config: Make, tmp_path: Path) -> None:
    config = make_config(training={"max_steps": 6, "merge_adapters": True})
    result = run_single(config)
    assert result.success, result.error
    folder = tmp_path / "run" / "final_model"
    assert (folder / "model.safetensors").exists()
    assert not (folder / "adapter_config.json").exists()
    assert [path.name for path in (tmp_path / "run").glob("*.adapter")] == []


@pytest.mark.parametrize("changes", [{"model": {"load_in_4bit": True}}, {"training": {"bf16": True}}])
def test_reduced_precision_trains_and_survives_saving(make_config: Make, changes: dict[str, Any]) -> None:
    if "model" in changes:
        pytest.importorskip("bitsandbytes")
    steps = {"max_steps": 6, **changes.get("training", {})}
    try:
        result = run_single(make_config(**{**changes, "training": steps}))
    except ModelError as error:
        pytest.skip(f"not on this machine: {error.message}")
    assert result.success, result.error
    assert result.metrics["eval_loss"] < result.metrics["baseline_eval_loss"]


def test_an_untrained_adapter_fails_the_self_check(make_config: Make) -> None:
    config = make_config(training={"max_steps": 1, "learning_rate": 1e-30}, evaluation={"auto_revert": False})
    result = run_single(config)
    check = next(gate for gate in result.gates if gate["gate"] == "self_check")
    assert check["status"] == "failed"
    assert "no effect" in check["reason"]
    assert not result.success


def test_a_loss_that_is_not_a_number_ends_the_run(make_config: Make, tmp_path: Path) -> None:
    config = make_config(
        lora=None, training={"learning_rate": 1e30, "max_grad_norm": 1e30, "max_steps": 50, "optim": "sgd"}
    )
    heard = Heard()
    with pytest.raises(TrainingError, match=r"became (nan|inf)"):
        run_single(config, listen=heard)
    assert heard.names()[-1] is Event.PIPELINE_FAILED
    assert not (tmp_path / "run" / "final_model").exists()
    assert staged(tmp_path / "run") == []
    assert max(fields["step"] for event, fields in heard.events if event is Event.PROGRESS) < 10


def test_a_second_run_in_the_same_folder_is_refused(make_config: Make) -> None:
    config = make_config()
    with open_folder(run_files(config)), pytest.raises(RunBusyError, match="another run is using"):
        run_single(config)


def test_a_stop_between_stages_raises_and_leaves_nothing_half_done(make_config: Make, tmp_path: Path) -> None:
    stop = StopRequest()
    stop.ask()
    heard = Heard()
    with pytest.raises(StoppedError):
        run_single(make_config(), listen=heard, stop=stop)
    assert heard.names()[-1] is Event.PIPELINE_STOPPED
    assert not (tmp_path / "run" / "final_model").exists()


def test_a_stopped_run_resumes_to_the_bytes_of_an_undisturbed_one(make_config: Make, tmp_path: Path) -> None:
    def config(name: str) -> ForgeConfig:
        return make_config(
            training={"output_dir": str(tmp_path / name), "num_train_epochs": 2, "per_device_train_batch_size": 16},
            lora={"r": 4, "dropout": 0.1},
        )

    stop = StopRequest()

    def stop_at_step_5(event: Event, /, **fields: Any) -> None:
        if event is Event.PROGRESS and fields["step"] >= 5:
            stop.ask()

    with pytest.raises(StoppedError) as stopped:
        run_single(config("stopped"), listen=stop_at_step_5, stop=stop)
    assert stopped.value.checkpoint
    assert Path(stopped.value.checkpoint).is_dir()
    resumed = run_single(config("stopped"), resume="auto")
    undisturbed = run_single(config("undisturbed"))
    weights = [Path(str(r.final_model_path)) / "adapter_model.safetensors" for r in (resumed, undisturbed)]
    assert sha256_file(weights[0]) == sha256_file(weights[1])
    assert resumed.metrics == undisturbed.metrics
    again = run_single(config("stopped"), resume="auto")
    assert again.metrics == undisturbed.metrics


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"model": {"name_or_path": "./no/such/model"}}, ModelError, "no model at"),
        ({"model": {"name_or_path": "builtin/amber"}}, ModelError, "did you mean builtin/ember"),
        ({"data": {"dataset_name_or_path": "nowhere.jsonl"}}, DataError, "nowhere.jsonl"),
        ({"lora": {"target_modules": ["query"]}}, ModelError, "no module named 'query'"),
        ({"training": {"bf16": None, "fp16": True}}, ModelError, "cannot train in fp16"),
        ({"model": {"max_length": 8}}, DataError, "all 108 were dropped at model.max_length=8"),
        ({"training": {"output_dir": "/dev/null/run"}}, ConfigError, "cannot be written to"),
    ],
)
def test_what_a_user_gets_wrong_is_said_before_anything_is_trained(
    make_config: Make, changes: dict[str, Any], error: type[ConfigError], words: str
) -> None:
    with pytest.raises(error, match=words):
        run_single(make_config(**changes))


def test_the_run_is_silent_on_the_network_and_on_stdout(orders: Path, tmp_path: Path) -> None:
    """A child process in which every outgoing connection is an error, with nothing else configured."""
    config = json.dumps(sections(orders, tmp_path / "run", training={"max_steps": 2}, model={"offline": False}))
    script = (
        "import json, socket, sys\n"
        "def refuse(*a, **k): print('CONNECTED', a, file=sys.stderr); raise SystemExit(9)\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "socket.getaddrinfo = socket.create_connection = refuse\n"
        "from forgelm import ForgeConfig, ForgeTrainer\n"
        f"result = ForgeTrainer(ForgeConfig(**json.loads({config!r}))).train()\n"
        "sys.exit(0 if result.success else 1)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and k != "CI"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONNECTED" not in done.stderr
    assert done.stdout == ""


def test_a_signal_saves_a_checkpoint_and_the_next_command_continues(orders: Path, tmp_path: Path) -> None:
    config = ForgeConfig(**sections(orders, tmp_path / "run", training={"num_train_epochs": 500}))
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    command = [sys.executable, "-m", "forgelm", "--config", str(path), "--output-format", "json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "audit_log.jsonl"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (log.exists() and "training.started" in log.read_text()):
        time.sleep(0.1)
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=300)
    assert child.returncode == 75, err[-2000:]
    reply = json.loads(out)
    assert reply["success"] is False
    assert reply["resumable"] is True
    checkpoint = Path(reply["checkpoint"])
    assert (checkpoint / "optimizer.pt").stat().st_size > 0
    assert verify_audit_log(str(log)).valid
    assert '"pipeline.stopped"' in log.read_text()
    step = int(checkpoint.name.rpartition("-")[2])
    again = subprocess.run(
        [*command, "--resume", "--set", f"training.max_steps={step + 2}"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr[-2000:]
    assert json.loads(again.stdout)["metrics"]["train_steps"] == step + 2
    assert f'"{checkpoint.name}"' in log.read_text()


def test_a_full_disk_while_saving_leaves_no_half_model(orders: Path, tmp_path: Path) -> None:
    """The child may write files of at most 400 kB: less than a fully fine-tuned model needs."""
    config = sections(
        orders, tmp_path / "run", lora=None, training={"max_steps": 1, "save_steps": 1000, "learning_rate": 1e-4}
    )
    script = (
        "import json, resource, signal, sys\n"
        "import forgelm.train.loop as loop\n"
        "from forgelm import ForgeConfig, ForgeTrainer, StorageError\n"
        "from forgelm.base.events import Event\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "def listen(event, **fields):\n"
        "    if event is Event.TRAINING_STARTED: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        f"config = ForgeConfig(**json.loads({json.dumps(json.dumps(config))}))\n"
        "try: ForgeTrainer(config, listen=listen).train()\n"
        "except OSError as error: print(error); sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr[-2000:]
    assert "could not write" in done.stdout
    assert staged(tmp_path / "run") == []
    assert not (tmp_path / "run" / "final_model").exists()
    shutil.rmtree(tmp_path / "run")
