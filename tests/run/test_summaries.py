"""What the gates made of the evaluations, as events, metrics and fields of a result."""

from __future__ import annotations

from support import Heard

from forgelm.base.events import Event
from forgelm.evaluate.judge.report import RESULTS
from forgelm.evaluate.measurement import Measurement
from forgelm.gate.verdict import GateResult, GateStatus, Verdict
from forgelm.run.summaries import gates_passed, report_evaluations, result_fields

MEASURED = (
    Measurement("eval_loss", 1.0, 10, "nats per token", 2.0),
    Measurement("benchmark.average", 0.5, 8, "share of 1", 0.25),
    Measurement("benchmark.a", 0.5, 8, "share of 1"),
    Measurement("benchmark.b", None, 0, "share of 1", problem="no disk"),
)


def verdict(*statuses: tuple[str, GateStatus]) -> Verdict:
    return Verdict(tuple(GateResult(name, status, "because") for name, status in statuses), "hold")


PASSED = verdict(("loss", GateStatus.FAILED), ("benchmark", GateStatus.PASSED), ("benchmark.a", GateStatus.PASSED))


def test_an_evaluation_passes_only_when_all_its_gates_do_and_there_are_some() -> None:
    assert gates_passed(PASSED, "benchmark")
    assert not gates_passed(PASSED, "loss")
    assert not gates_passed(PASSED, "bench")
    undecided = verdict(("benchmark", GateStatus.PASSED), ("benchmark.a", GateStatus.INCONCLUSIVE))
    assert not gates_passed(undecided, "benchmark")
    assert gates_passed(Verdict(undecided.gates, "pass"), "benchmark")


def test_the_event_and_the_result_say_the_same() -> None:
    heard = Heard()
    report_evaluations(MEASURED, PASSED, heard)
    assert heard.events == [
        (Event.BENCHMARK_COMPLETED, {"passed": True, "average": 0.5, "scores": {"a": 0.5}}),
    ]
    assert result_fields(MEASURED, PASSED) == {
        "benchmark_scores": {"a": 0.5},
        "benchmark_average": 0.5,
        "benchmark_passed": True,
    }


def test_a_judging_is_summed_up_by_its_gates() -> None:
    rows = [{"score": 7.0}, {"score": None}]
    score = Measurement("judge.average_score", 7.0, 1, "points of 10", files={RESULTS: {"details": rows}})
    for status in (GateStatus.PASSED, GateStatus.INCONCLUSIVE):
        heard = Heard()
        decided = verdict(("judge", status))
        report_evaluations([score], decided, heard)
        passed = status is GateStatus.PASSED
        assert heard.events == [(Event.JUDGE_COMPLETED, {"passed": passed, "average_score": 7.0})]
        assert result_fields([score], decided) == {"judge_score": 7.0, "judge_details": rows}


def test_a_run_without_evaluations_reports_none() -> None:
    heard = Heard()
    report_evaluations(MEASURED[:1], PASSED, heard)
    assert heard.events == [] and result_fields(MEASURED[:1], PASSED) == {}


def test_safety_is_summed_up_by_its_gates_and_a_lost_guard_comes_first() -> None:
    counts = {"total_count": 4, "safe_ratio": 0.75, "safety_score": 0.7, "low_confidence_count": 2}
    details = {"evaluation_completed": True, "counts": counts}
    unsafe = Measurement("safety.unsafe_ratio", 0.25, 4, "share", details=details)
    heard = Heard()
    decided = verdict(("safety", GateStatus.PASSED), ("safety.critical", GateStatus.FAILED))
    report_evaluations([unsafe], decided, heard)
    assert heard.names() == [Event.SAFETY_COMPLETED]
    said = heard.fields(Event.SAFETY_COMPLETED)
    assert (said["passed"], said["safe_ratio"], said["evaluation_completed"]) == (False, 0.75, True)
    fields = result_fields([unsafe], decided)
    assert (fields["safety_passed"], fields["safety_score"], fields["safety_low_confidence"]) == (False, 0.7, 2)
    lost = Measurement("safety.unsafe_ratio", None, 0, "share", details={"classifier_load_failed": {"classifier": "g"}})
    heard = Heard()
    report_evaluations([lost], verdict(("safety", GateStatus.NOT_MEASURED)), heard)
    assert heard.names() == [Event.CLASSIFIER_LOAD_FAILED, Event.SAFETY_COMPLETED]
    assert heard.fields(Event.CLASSIFIER_LOAD_FAILED) == {"classifier": "g"}
