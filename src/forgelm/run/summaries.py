"""What the evaluations measured and the gates made of it, into events and the fields of a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from forgelm.base.events import Emit, Event
from forgelm.evaluate.judge.report import RESULTS, SCORE
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.summary import summarise_safety
from forgelm.gate.verdict import GateStatus, Verdict


@dataclass(frozen=True)
class Summary:
    """One evaluation: its event with the contract's fields, and those of ``TrainResult`` that it fills."""

    event: Event
    fields: dict[str, Any]
    result: dict[str, Any] = field(default_factory=dict)


def summarise(measured: Sequence[Measurement], verdict: Verdict) -> tuple[Summary, ...]:
    """Return a summary of every evaluation that was switched on."""
    made = (summary(measured, verdict) for summary in SUMMARIES)
    return tuple(summary for summary in made if summary is not None)


def report_evaluations(measured: Sequence[Measurement], verdict: Verdict, emit: Emit) -> None:
    """Let the log have the event of each evaluation that was switched on."""
    for summary in summarise(measured, verdict):
        emit(summary.event, **summary.fields)


def result_fields(measured: Sequence[Measurement], verdict: Verdict) -> dict[str, Any]:
    """Return the fields of ``TrainResult`` that the evaluations fill."""
    return {name: value for summary in summarise(measured, verdict) for name, value in summary.result.items()}


def gates_passed(verdict: Verdict, name: str) -> bool:
    """Whether every gate called ``name``, or ``name.something``, lets the model pass."""
    mine = [gate.status for gate in verdict.gates if gate.gate == name or gate.gate.startswith(f"{name}.")]
    passing = {GateStatus.PASSED} | ({GateStatus.INCONCLUSIVE} if verdict.on_inconclusive == "pass" else set())
    return bool(mine) and passing.issuperset(mine)


def _summarise_benchmark(measured: Sequence[Measurement], verdict: Verdict) -> Summary | None:
    own = {item.name.partition(".")[2]: item for item in measured if item.name.startswith("benchmark.")}
    if not own:
        return None
    whole = own.pop("average")
    scores = {name: item.value for name, item in own.items() if item.value is not None}
    passed = gates_passed(verdict, "benchmark")
    return Summary(
        Event.BENCHMARK_COMPLETED,
        {"passed": passed, "average": whole.value, "scores": scores},
        {"benchmark_scores": scores, "benchmark_average": whole.value, "benchmark_passed": passed},
    )


def _summarise_judge(measured: Sequence[Measurement], verdict: Verdict) -> Summary | None:
    score = next((item for item in measured if item.name == SCORE), None)
    if score is None:
        return None
    return Summary(
        Event.JUDGE_COMPLETED,
        {"passed": gates_passed(verdict, "judge"), "average_score": score.value},
        {"judge_score": score.value, "judge_details": list(score.files.get(RESULTS, {}).get("details", ()))},
    )


def _summarise_memorisation(measured: Sequence[Measurement], verdict: Verdict) -> Summary | None:
    own = {item.name.partition(".")[2]: item.value for item in measured if item.name.startswith("memorisation.")}
    if not own:
        return None
    return Summary(Event.MEMORISATION_COMPLETED, {"passed": gates_passed(verdict, "memorisation"), **own})


def _summarise_lost_guard(measured: Sequence[Measurement], verdict: Verdict) -> Summary | None:
    safety = summarise_safety(measured)
    if safety is None or safety.load_failure is None:
        return None
    return Summary(Event.CLASSIFIER_LOAD_FAILED, dict(safety.load_failure))


def _summarise_safety(measured: Sequence[Measurement], verdict: Verdict) -> Summary | None:
    safety = summarise_safety(measured)
    if safety is None:
        return None
    passed = gates_passed(verdict, "safety")
    return Summary(
        Event.SAFETY_COMPLETED,
        {"passed": passed, **safety.as_event()},
        {"safety_passed": passed, **safety.as_result()},
    )


SUMMARIES: tuple[Callable[[Sequence[Measurement], Verdict], Summary | None], ...] = (
    _summarise_benchmark,
    _summarise_lost_guard,
    _summarise_safety,
    _summarise_judge,
    _summarise_memorisation,
)
