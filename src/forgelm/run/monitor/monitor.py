"""Watches a run for the section ``monitoring``: a heartbeat file, numbers for whoever asks or listens, drift."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.errors import AddressRefusedError, ConfigError, ForgeError, NetworkError
from forgelm.base.events import Event
from forgelm.base.files import write_json, write_text
from forgelm.base.network.client import HttpClient
from forgelm.base.network.datagram import send_datagrams
from forgelm.base.network.guard import Policy
from forgelm.base.network.serve import serve_text
from forgelm.config.monitoring import MonitoringConfig
from forgelm.config.root import ForgeConfig
from forgelm.run.monitor.drift import find_drift, read_results, write_results
from forgelm.run.monitor.formats import PROMETHEUS_TYPE, build_record, render_prometheus, render_statsd
from forgelm.run.monitor.gauges import Gauges

_log = logging.getLogger(__name__)
_AGENT = "127.0.0.1:8125"
_JOB = "/metrics/job/forgelm"
_ATTEMPT_SECONDS = 5.0
_LAST_SECONDS = 6.0


class Monitor:
    """An ``Emit`` that keeps the gauges, and a thread that exports them. Nothing it cannot do changes the run."""

    def __init__(
        self,
        section: MonitoringConfig,
        folder: Path,
        labels: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._section, self._labels, self._clock = section, dict(labels), clock
        self._heartbeat = Path(section.heartbeat_file or folder / "heartbeat.json")
        self._file = Path(section.prometheus_file or folder / "metrics.prom")
        self._results = folder / "last_results.json"
        self._gauges = Gauges(section.check_interval_hours, clock)
        self._done = threading.Event()
        self._said: set[str] = set()
        self._last_event = ""

    def __call__(self, event: Event, /, **fields: Any) -> None:
        self._last_event = str(event)
        self._gauges(event, **fields)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Monitor]:
        """Export while the block lasts, and once more at its end.

        Raises:
            ConfigError: the port for Prometheus cannot be had.
        """
        port = self._section.prometheus_port
        page = serve_text(port, "/metrics", PROMETHEUS_TYPE, self._text) if port else contextlib.nullcontext()
        with page:
            thread = threading.Thread(target=self._run, name="forgelm-monitor", daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._compare()
                self._done.set()
                thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        while not self._done.wait(self._section.interval_seconds):
            self.export()
        self.export()

    def export(self) -> None:
        """Write and send everything once; what goes wrong is said once."""
        steps: list[Callable[[], object]] = [self._write_heartbeat]
        if self._section.metrics_export == "prometheus":
            steps.append(lambda: write_text(self._file, self._text()))
        if (send := self._sender()) is not None:
            steps.append(send)
        for step in steps:
            try:
                step()
            except (ForgeError, OSError) as error:
                said = getattr(error, "message", str(error))
                if said not in self._said:
                    self._said.add(said)
                    _log.warning("monitoring: %s", said)

    def _text(self) -> str:
        return render_prometheus(self._gauges.read(), self._labels)

    def _sender(self) -> Callable[[], object] | None:
        kind, endpoint = self._section.metrics_export, _read_endpoint(self._section)
        if kind == "datadog":
            lines = render_statsd(self._gauges.read(), self._labels)
            return lambda: send_datagrams(endpoint or _AGENT, lines, _agent_policy(self._section, endpoint))
        if kind == "custom_webhook":
            record = build_record(self._gauges.read(), self._labels)
            return lambda: self._request("POST", endpoint, record)
        return (lambda: self._request("PUT", _gateway(endpoint), None)) if kind == "prometheus" and endpoint else None

    def _request(self, method: str, url: str, record: dict[str, Any] | None) -> None:
        client = _client(self._section)
        if record is None:
            body = self._text().encode()
            reply = client.request(method, url, body=body, headers={"Content-Type": PROMETHEUS_TYPE})
        else:
            reply = client.post_json(url, record)
        if not reply.ok:
            raise NetworkError(f"the endpoint does not take the numbers: status {reply.status}")

    def _write_heartbeat(self) -> None:
        now = self._clock()
        due = now + self._section.check_interval_hours * 3600
        state = {gauge.name: gauge.value for gauge in self._gauges.read() if not gauge.labels}
        write_json(
            self._heartbeat,
            {
                **self._labels,
                "time": _stamp(now),
                "next_check_due": _stamp(due),
                "pid": os.getpid(),
                "stage": self._gauges.stage,
                "last_event": self._last_event,
                **{name: state.get(name) for name in ("step", "steps", "loss", "ended", "success")},
            },
        )

    def _compare(self) -> None:
        now = self._gauges.metrics
        if not now:
            return
        if self._section.alert_on_drift:
            for name, share in find_drift(read_results(self._results), now, self._section.drift_tolerance).items():
                self._gauges.drift(name, share)
                _log.warning("monitoring: %s is %.0f%% worse than the last run's", name, share * 100)
        with contextlib.suppress(ForgeError, OSError):
            write_results(self._results, now)


def check_monitoring(section: MonitoringConfig | None) -> None:
    """See before a run that numbers may be sent where the section says.

    Raises:
        ConfigError: a variable is not set, or no connection may be made to the endpoint.
    """
    if section is None or not section.enabled:
        return
    endpoint = _read_endpoint(section)
    if section.endpoint_env and not endpoint:
        raise ConfigError(
            f"the environment variable {section.endpoint_env}, which should hold the monitoring endpoint, is not set",
            hint="set it, or correct monitoring.endpoint_env",
        )
    try:
        if section.metrics_export == "datadog":
            send_datagrams(endpoint or _AGENT, (), _agent_policy(section, endpoint))
        elif endpoint:
            _client(section).check(endpoint)
    except AddressRefusedError as error:
        raise AddressRefusedError(f"monitoring.endpoint: {error.message}", hint=error.hint) from error
    except NetworkError as error:
        _log.warning("monitoring: %s", error.message)


@contextlib.contextmanager
def monitoring(config: ForgeConfig, folder: Path, run_id: str) -> Iterator[Callable[..., None]]:
    """Give what hears a run's events while the block lasts; nothing listens where monitoring is off."""
    section = config.monitoring
    if section is None or not section.enabled:
        yield lambda event, /, **fields: None
        return
    labels = {"run_id": run_id, "model": config.model.name_or_path, "trainer": config.training.trainer_type}
    with Monitor(section, folder / "monitoring", labels).watching() as watching:
        yield watching


def _read_endpoint(section: MonitoringConfig) -> str:
    named = os.environ.get(section.endpoint_env, "").strip() if section.endpoint_env else ""
    return named or section.endpoint


def _policy(section: MonitoringConfig) -> Policy:
    return Policy(
        allow_private=section.allow_private_destinations,
        ca_bundle=section.tls_ca_bundle,
        allow_private_key="monitoring.allow_private_destinations",
    )


def _agent_policy(section: MonitoringConfig, endpoint: str) -> Policy:
    # Where nothing is written, the agent is on this machine: that is what the protocol's port is for.
    return _policy(section) if endpoint else Policy(allow_private=True)


def _client(section: MonitoringConfig) -> HttpClient:
    return HttpClient(_policy(section), timeout_seconds=_ATTEMPT_SECONDS)


def _gateway(url: str) -> str:
    return url if "/metrics/job/" in url else url.rstrip("/") + _JOB


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
