"""The texts are those of Prometheus and of DogStatsD, whatever a label holds."""

from __future__ import annotations

import re

from forgelm.run.monitor.formats import build_record, render_prometheus, render_statsd
from forgelm.run.monitor.gauges import Gauge

GAUGES = [
    Gauge("loss", 0.5),
    Gauge("metric", 1e-7, (("name", "judge/average_score"),)),
    Gauge("metric", 2.0, (("name", "b"),)),
]
LABELS = {"run_id": "fg-1", "model": 'a"b\\c\nd'}


def test_prometheus() -> None:
    text = render_prometheus(GAUGES, LABELS)
    assert text.splitlines() == [
        "# HELP forgelm_loss training loss of the last report",
        "# TYPE forgelm_loss gauge",
        'forgelm_loss{run_id="fg-1",model="a\\"b\\\\c\\nd"} 0.5',
        "# HELP forgelm_metric a result of the run, by name",
        "# TYPE forgelm_metric gauge",
        'forgelm_metric{run_id="fg-1",model="a\\"b\\\\c\\nd",name="judge/average_score"} 1e-07',
        'forgelm_metric{run_id="fg-1",model="a\\"b\\\\c\\nd",name="b"} 2.0',
    ]
    assert text.endswith("\n")


def test_statsd() -> None:
    (datagram,) = render_statsd(GAUGES[:1], {"run_id": "fg-1", "model": "a|b,c:d\ne#f"})
    assert datagram == b"forgelm.loss:0.5|g|#run_id:fg-1,model:a_b_c_d_e_f"
    many = render_statsd([Gauge("metric", float(n), (("name", f"n{n}"),)) for n in range(100)], {"run_id": "fg-1"})
    assert all(len(datagram) <= 1432 for datagram in many)
    lines = b"\n".join(many).splitlines()
    assert len(lines) == 100
    assert all(re.fullmatch(rb"forgelm\.metric:[\d.]+\|g\|#run_id:fg-1,name:n\d+", line) for line in lines)


def test_a_record() -> None:
    assert build_record(GAUGES, {"run_id": "fg-1"}) == {
        "event": "monitoring.metrics",
        "run_id": "fg-1",
        "gauges": {"loss": 0.5},
        "metric": {"judge/average_score": 1e-7, "b": 2.0},
    }
