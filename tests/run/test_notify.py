"""A run and a decision tell their webhook, with the log's size and root; whatever happens to the message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from held import RUN, hold
from loopback import Answer, Asked, closed_port, serving

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.base.events import Event
from forgelm.cli.main import run
from forgelm.config.root import ForgeConfig
from forgelm.config.webhook import WebhookConfig
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.entries import take_checkpoint
from forgelm.run.notify import PipelineMessages, RunMessages, open_messenger, run_name
from forgelm.run.single import run_single
from forgelm.run.webhook.messenger import Messenger

Make = Callable[..., ForgeConfig]
LOG = Checkpoint(3, "ab" * 32)


def hook(url: str, **fields: Any) -> dict[str, Any]:
    return {"url": url, "allow_private_destinations": True, "timeout": 60, "max_attempts": 1, **fields}


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ([(Event.TRAINING_STARTED, {})], ["training.start"]),
        ([(Event.TRAINING_RESUMED, {})], ["training.start"]),
        ([(Event.PIPELINE_COMPLETED, {"success": True, "metrics_summary": {"a": 1}})], ["training.success"]),
        ([(Event.PIPELINE_COMPLETED, {"success": False})], ["training.failure"]),
        (
            [(Event.MODEL_REVERTED, {"reason": "judge", "detail": "too low"}), (Event.PIPELINE_COMPLETED, {})],
            ["training.reverted"],
        ),
        ([(Event.PIPELINE_FAILED, {"error": "no disk"})], ["training.failure"]),
        ([(Event.PIPELINE_STOPPED, {})], ["training.failure"]),
        ([(Event.HUMAN_APPROVAL_REQUIRED, {"staging_path": "/m"})], ["approval.required"]),
        ([(Event.STAGE, {"name": "x"}), (Event.PROGRESS, {}), (Event.MODEL_STAGED, {})], []),
    ],
)
def test_what_is_told(make_config: Make, story: list[tuple[Event, dict[str, Any]]], told: list[str]) -> None:
    config = make_config()
    with serving(lambda _: Answer()) as server:
        found = RunMessages(config, "fg-1", Messenger(WebhookConfig.model_validate(hook(server.url))))
        for event, fields in story:
            found(event, **fields)
        found.close(LOG)
        found.close(LOG)
        bodies = [asked.json() for asked in server.asked]
    assert [body["event"] for body in bodies] == told
    assert all(body["run_id"] == "fg-1" and body["config_hash"] == config.config_hash for body in bodies)
    assert all(body["run_name"] == "ember_finetune" for body in bodies)
    ends = [body for body in bodies if body["status"] != "started"]
    assert all(body["audit_log"] == LOG.as_record() for body in ends)


def test_what_is_told_of_a_pipeline(make_config: Make) -> None:
    ended = {"final_status": "stopped_at_stage", "stopped_at": "dpo"}
    story: list[tuple[Event, dict[str, Any]]] = [
        (Event.PIPELINE_STARTED, {"stage_count": 2}),
        (Event.STAGE_STARTED, {"stage_name": "sft"}),
        (Event.STAGE_COMPLETED, {"stage_name": "sft"}),
        (Event.STAGE_REVERTED, {"stage_name": "dpo", "error": "too high"}),
        (Event.PIPELINE_COMPLETED, ended),
    ]
    with serving(lambda _: Answer()) as server:
        found = PipelineMessages(make_config(), Messenger(WebhookConfig.model_validate(hook(server.url))))
        for event, fields in story:
            found(event, pipeline_run_id="pl_1", **fields)
        found.close(LOG)
        found.close(LOG)
        bodies = [asked.json() for asked in server.asked]
    assert [body["event"] for body in bodies] == [
        *("pipeline.started", "pipeline.stage_reverted", "pipeline.completed")
    ]
    assert all(body["run_name"] == body["run_id"] == "pl_1" for body in bodies)
    assert bodies[0]["stage_count"] == 2
    assert (bodies[1]["stage_name"], bodies[1]["reason"]) == ("dpo", "too high")
    assert (bodies[2]["final_status"], bodies[2]["audit_log"]) == ("stopped_at_stage", LOG.as_record())


def test_a_run_has_the_name_it_was_given(make_config: Make) -> None:
    assert run_name(make_config(training={"run_name": "nightly"})) == "nightly"
    assert run_name(make_config(model={"name_or_path": "org/base/"})) == "base_finetune"


@pytest.mark.slow
def test_a_whole_run_tells_how_it_ended_with_the_closed_logs_root(make_config: Make, tmp_path: Path) -> None:
    with serving(lambda _: Answer()) as server:
        config = make_config(
            training={"max_steps": 1},
            evaluation={"auto_revert": True, "max_acceptable_loss": 0.01},
            webhook=hook(f"{server.url}/secretpath"),
        )
        result = run_single(config)
        bodies = [asked.json() for asked in server.asked]
    assert [body["event"] for body in bodies] == ["training.start", "training.reverted"]
    assert bodies[1]["audit_log"] == result.audit_log
    assert "above max_acceptable_loss" in bodies[1]["reason"]
    assert bodies[1]["run_id"] == result.run_id
    report = json.loads((tmp_path / "run" / "compliance" / "compliance_report.json").read_text())
    assert report["webhook_config"]["timeout"] == 60
    assert "url" not in report["webhook_config"]
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"secretpath" not in path.read_bytes(), path


@pytest.mark.parametrize("trouble", ["nobody there", "slow", "refuses"])
def test_a_run_that_cannot_begin_tells_so_whatever_its_webhook_does(
    make_config: Make, tmp_path: Path, trouble: str
) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(500) if trouble == "refuses" else Answer(raw=lambda _: __import__("time").sleep(0.5))

    with serving(answer) as server:
        url = f"http://127.0.0.1:{closed_port()}" if trouble == "nobody there" else server.url
        config = make_config(
            data={"dataset_name_or_path": str(tmp_path / "none.jsonl")},
            webhook=hook(url, timeout=60 if trouble == "refuses" else 1),
        )
        with pytest.raises(ConfigError, match=r"none\.jsonl"):
            run_single(config)
        if trouble == "refuses":
            (asked,) = server.asked
            assert (asked.json()["event"], asked.json()["status"]) == ("training.failure", "failed")
            assert asked.json()["audit_log"] is None
            assert not (tmp_path / "run" / "audit_log.jsonl").exists()


def test_a_forbidden_address_stops_a_run_before_it_begins(make_config: Make) -> None:
    with pytest.raises(ConfigError, match=r"webhook\.allow_private_destinations"):
        run_single(make_config(webhook={"url": "https://10.0.0.1/"}))


@pytest.mark.parametrize(
    ("command", "event", "reason"),
    [("approve", "training.success", None), ("reject", "training.failure", "rejected by tests: no")],
)
def test_a_decision_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, event: str, reason: str | None
) -> None:
    files = hold(tmp_path / "nightly")
    (files.compliance / "training_manifest.yaml").write_text("final_metrics: {eval_loss: 0.5}\n")
    with serving(lambda _: Answer()) as server:
        monkeypatch.setenv("HOOK", server.url)
        section = {name: value for name, value in hook("").items() if name != "url"}
        files.config.write_text(yaml.safe_dump({"webhook": {"url": None, "url_env": "HOOK", **section}}))
        assert run([command, RUN, "--output-dir", str(files.root), "--comment", "no"]) == ExitCode.OK
        (asked,) = server.asked
    body = asked.json()
    assert (body["event"], body["run_name"], body["run_id"], body["reason"]) == (event, "nightly", RUN, reason)
    assert body["audit_log"] == take_checkpoint(files.audit_log).as_record()
    assert body["metrics"] == ({"eval_loss": 0.5} if command == "approve" else {})


def test_a_url_in_the_file_needs_the_file(tmp_path: Path, make_config: Make) -> None:
    files = hold(tmp_path / "run")
    with serving(lambda _: Answer()) as server:
        config = make_config(webhook=hook(server.url))
        files.config.write_text(config.to_yaml())
        written = tmp_path / "run.yaml"
        written.write_text(json.dumps(json.loads(config.model_dump_json()) | {"webhook": hook(server.url)}))
        assert run(["approve", RUN, "--output-dir", str(files.root), "--config", str(written)]) == ExitCode.OK
        assert [asked.json()["event"] for asked in server.asked] == ["training.success"]


def test_a_file_that_cannot_be_read_stops_before_the_decision(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    code = run(["approve", RUN, "--output-dir", str(files.root), "--config", str(tmp_path / "none.yaml")])
    assert code == ExitCode.CONFIG
    assert files.staging(RUN).is_dir()


@pytest.mark.parametrize("text", ["", "webhook: null", "webhook: 7", "[1", "webhook: {timeout: 5}", "\x00"])
def test_a_copy_without_a_webhook_tells_nobody(tmp_path: Path, text: str) -> None:
    files = hold(tmp_path / "run")
    files.config.write_text(text)
    assert open_messenger(str(files.root), None).close()
    assert run(["reject", RUN, "--output-dir", str(files.root)]) == ExitCode.OK
