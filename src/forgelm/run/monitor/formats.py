"""Gauges into the texts that are read elsewhere: Prometheus' exposition format, DogStatsD lines, a JSON object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from forgelm.run.monitor.gauges import Gauge

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Datagrams larger than this may be dropped on the way (DogStatsD's own advice for UDP).
_LARGEST_DATAGRAM = 1432
_NO_TAG = re.compile(r"[|,\n\r:#@]")


def render_prometheus(gauges: Sequence[Gauge], labels: Mapping[str, str]) -> str:
    """Return the text of https://prometheus.io/docs/instrumenting/exposition_formats (0.0.4)."""
    lines, named = [], set()
    for gauge in gauges:
        if gauge.name not in named:
            named.add(gauge.name)
            lines += [f"# HELP forgelm_{gauge.name} {gauge.help}", f"# TYPE forgelm_{gauge.name} gauge"]
        pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in {**labels, **dict(gauge.labels)}.items())
        lines.append(f"forgelm_{gauge.name}{{{pairs}}} {gauge.value!r}")
    return "\n".join(lines) + "\n"


def render_statsd(gauges: Sequence[Gauge], labels: Mapping[str, str]) -> list[bytes]:
    """Return datagrams of DogStatsD lines, each within one packet."""
    datagrams: list[bytes] = []
    for gauge in gauges:
        tags = ",".join(f"{name}:{_NO_TAG.sub('_', value)}" for name, value in {**labels, **dict(gauge.labels)}.items())
        line = f"forgelm.{gauge.name}:{gauge.value!r}|g|#{tags}".encode()
        if datagrams and len(datagrams[-1]) + 1 + len(line) <= _LARGEST_DATAGRAM:
            datagrams[-1] += b"\n" + line
        else:
            datagrams.append(line)
    return datagrams


def build_record(gauges: Sequence[Gauge], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the object that a custom webhook gets."""
    plain = {gauge.name: gauge.value for gauge in gauges if not gauge.labels}
    by_name: dict[str, dict[str, float]] = {}
    for gauge in gauges:
        for _, value in gauge.labels:
            by_name.setdefault(gauge.name, {})[value] = gauge.value
    return {"event": "monitoring.metrics", **labels, "gauges": plain, **by_name}


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
