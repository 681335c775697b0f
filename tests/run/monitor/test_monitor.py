"""Numbers reach real sockets on loopback, and what cannot be reached costs a warning."""

from __future__ import annotations

import json
import os
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, closed_port, serving

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.base.network.client import HttpClient
from forgelm.base.network.guard import Policy
from forgelm.config.monitoring import MonitoringConfig
from forgelm.run.monitor.monitor import Monitor, check_monitoring

LABELS = {"run_id": "fg-1", "model": "m", "trainer": "sft"}


def section(**fields: Any) -> MonitoringConfig:
    return MonitoringConfig.model_validate({"enabled": True, "allow_private_destinations": True, **fields})


def watch(found: MonitoringConfig, folder: Path, *, loss: float = 0.4) -> None:
    """Let a monitor hear a whole run."""
    with Monitor(found, folder, LABELS).watching() as monitor:
        monitor(Event.STAGE, name="training")
        monitor(Event.PROGRESS, step=3, total=10, loss=0.5)
        monitor(Event.PIPELINE_COMPLETED, success=True, metrics_summary={"eval_loss": loss})


def test_a_heartbeat_is_there_in_any_case(tmp_path: Path) -> None:
    watch(section(), tmp_path)
    found = json.loads((tmp_path / "heartbeat.json").read_text())
    assert {"run_id": "fg-1", "pid": os.getpid(), "stage": "training", "step": 3, "ended": 1}.items() <= found.items()
    assert found["last_event"] == "pipeline.completed"
    assert found["next_check_due"] > found["time"]
    assert not (tmp_path / "metrics.prom").exists()
    watch(section(heartbeat_file=str(tmp_path / "elsewhere" / "beat.json")), tmp_path)
    assert (tmp_path / "elsewhere" / "beat.json").is_file()


def test_a_text_file_for_the_node_exporter(tmp_path: Path) -> None:
    watch(section(metrics_export="prometheus"), tmp_path)
    text = (tmp_path / "metrics.prom").read_text()
    assert 'forgelm_metric{run_id="fg-1",model="m",trainer="sft",name="eval_loss"} 0.4' in text
    assert all(re.fullmatch(r"# (HELP|TYPE) .+|forgelm_\w+\{.*\} \S+", line) for line in text.splitlines())


def test_prometheus_may_ask_while_the_run_lasts(tmp_path: Path) -> None:
    port = closed_port()
    with Monitor(section(metrics_export="prometheus", prometheus_port=port), tmp_path, LABELS).watching() as monitor:
        monitor(Event.PROGRESS, step=3, total=10, loss=0.5)
        reply = HttpClient(Policy(allow_private=True)).request("GET", f"http://127.0.0.1:{port}/metrics")
        assert b"forgelm_step{" in reply.body
        with (
            pytest.raises(ConfigError, match="cannot be had"),
            Monitor(section(metrics_export="prometheus", prometheus_port=port), tmp_path, LABELS).watching(),
        ):
            pass


def test_a_pushgateway_gets_the_text(tmp_path: Path) -> None:
    with serving(lambda _: Answer()) as server:
        watch(section(metrics_export="prometheus", endpoint=server.url), tmp_path)
        asked = server.asked[-1]
    assert (asked.method, asked.path) == ("PUT", "/metrics/job/forgelm")
    assert b"forgelm_ended{" in asked.body


def test_an_agent_gets_lines(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(60)
        watch(section(metrics_export="datadog", endpoint=f"127.0.0.1:{agent.getsockname()[1]}"), tmp_path)
        lines = agent.recv(2000).decode().splitlines()
    assert "forgelm.loss:0.5|g|#run_id:fg-1,model:m,trainer:sft" in lines


def test_a_url_gets_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Answer()) as server:
        monkeypatch.setenv("WATCHER", f"{server.url}/numbers")
        watch(section(metrics_export="custom_webhook", endpoint_env="WATCHER"), tmp_path)
        body = server.asked[-1].json()
    assert (body["event"], body["run_id"], body["metric"]) == ("monitoring.metrics", "fg-1", {"eval_loss": 0.4})


def test_a_worse_result_than_the_last_runs_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = section(metrics_export="prometheus")
    watch(found, tmp_path, loss=0.4)
    assert "worse" not in caplog.text
    watch(found, tmp_path, loss=0.6)
    assert "eval_loss is 50% worse than the last run's" in caplog.text
    assert re.search(r'forgelm_drift\{.*metric="eval_loss"\} 0\.[45]', (tmp_path / "metrics.prom").read_text())
    caplog.clear()
    watch(section(alert_on_drift=False), tmp_path, loss=0.9)
    assert "worse" not in caplog.text


@pytest.mark.parametrize("kind", ["nobody there", "refuses", "no folder"])
def test_what_cannot_be_reached_costs_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    with serving(lambda _: Answer(500)) as server:
        url = server.url if kind == "refuses" else f"http://127.0.0.1:{closed_port()}"
        if kind == "no folder":
            (tmp_path / "file").write_text("in the way")
            found = section(heartbeat_file=str(tmp_path / "file" / "beat.json"))
        else:
            found = section(metrics_export="custom_webhook", endpoint=f"{url}/secretpath")
        monitor = Monitor(found, tmp_path, LABELS)
        monitor.export()
        monitor.export()
    assert len(caplog.records) == 1
    assert "secretpath" not in caplog.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metrics_export": "custom_webhook", "endpoint_env": "NO_SUCH_WATCHER"}, "NO_SUCH_WATCHER"),
        ({"metrics_export": "custom_webhook", "endpoint": "https://169.254.169.254/"}, "a cloud's own service"),
        (
            {"metrics_export": "prometheus", "endpoint": "https://10.0.0.1/", "allow_private_destinations": False},
            "monitoring.allow_private_destinations",
        ),
        ({"metrics_export": "datadog", "endpoint": "10.0.0.1:8125", "allow_private_destinations": False}, "private"),
        ({"metrics_export": "datadog", "endpoint": "an agent"}, "host:port"),
    ],
)
def test_what_cannot_work_is_said_before_a_run(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_monitoring(section(**fields))
    assert said in str(caught.value)


def test_what_can_work_is_not() -> None:
    check_monitoring(None)
    check_monitoring(section())
    check_monitoring(section(metrics_export="datadog", allow_private_destinations=False))
    check_monitoring(section(metrics_export="prometheus", endpoint="http://127.0.0.1:9091"))
    check_monitoring(MonitoringConfig(metrics_export="custom_webhook", endpoint="https://169.254.169.254/"))


def test_the_next_check_is_due_when_the_section_says(tmp_path: Path) -> None:
    watch(section(check_interval_hours=2), tmp_path)
    found = json.loads((tmp_path / "heartbeat.json").read_text())
    time, due = (datetime.fromisoformat(found[name]) for name in ("time", "next_check_due"))
    assert (due - time).total_seconds() == pytest.approx(2 * 3600, abs=60)
