"""What a run reports into gauges, each a number with a name and labels."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.base.events import Event

_HELP = MappingProxyType(
    {
        "up": "1 while the run lasts",
        "step": "optimizer steps done",
        "steps": "optimizer steps planned",
        "loss": "training loss of the last report",
        "learning_rate": "learning rate of the last report",
        "tokens_per_second": "target tokens trained on in a second",
        "eta_seconds": "seconds until training ends",
        "last_event_timestamp_seconds": "when the run last said something",
        "next_check_due_timestamp_seconds": "when the next run or check is due",
        "metric": "a result of the run, by name",
        "success": "1 when the model passed its gates, else 0",
        "ended": "1 when the run is over",
        "drift": "by which share a result is worse than the last run's",
    }
)
_PROGRESS = MappingProxyType(
    {
        "step": "step",
        "total": "steps",
        "loss": "loss",
        "learning_rate": "learning_rate",
        "tokens_per_second": "tokens_per_second",
        "eta_seconds": "eta_seconds",
    }
)


@dataclass(frozen=True)
class Gauge:
    """One number. ``name`` is without the prefix ``forgelm_``."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def help(self) -> str:
        return _HELP[self.name]


class Gauges:
    """The newest value of every gauge. One thread reports to it, others read."""

    def __init__(self, check_interval_hours: int, clock: Callable[[], float] = time.time) -> None:
        self._interval_seconds = check_interval_hours * 3600.0
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self.metrics: Mapping[str, Any] = {}
        self.stage = ""
        self._put("up", 1)

    def __call__(self, event: Event, /, **fields: Any) -> None:
        now = self._clock()
        self._put("last_event_timestamp_seconds", now)
        self._put("next_check_due_timestamp_seconds", now + self._interval_seconds)
        if event is Event.STAGE:
            self.stage = str(fields.get("name"))
        elif event is Event.PROGRESS:
            for field, name in _PROGRESS.items():
                self._put(name, fields.get(field))
        elif event in _ENDS:
            self._end(fields)

    def drift(self, name: str, share: float) -> None:
        """Put down by which share a result is worse than the last run's."""
        self._put("drift", share, (("metric", name),))

    def read(self) -> list[Gauge]:
        """Return all gauges, those of one name beside each other."""
        with self._lock:
            return [Gauge(name, value, labels) for (name, labels), value in sorted(self._values.items())]

    def _end(self, fields: Mapping[str, Any]) -> None:
        self.metrics = fields.get("metrics_summary") or fields.get("metrics") or self.metrics
        for name, value in self.metrics.items():
            self._put("metric", value, (("name", str(name)),))
        self._put("success", 1 if fields.get("success", fields.get("gates_passed")) else 0)
        self._put("ended", 1)
        self._put("up", 0)

    def _put(self, name: str, value: Any, labels: tuple[tuple[str, str], ...] = ()) -> None:
        if isinstance(value, (int, float)) and math.isfinite(value):
            with self._lock:
                self._values[name, labels] = float(value)


_ENDS = frozenset(
    {Event.PIPELINE_COMPLETED, Event.PIPELINE_FAILED, Event.PIPELINE_STOPPED, Event.HUMAN_APPROVAL_REQUIRED}
)
