"""Whole runs on the bundled model with a judge: one that passes, and each way of being refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judges import judging
from loopback import Answer, closed_port
from support import order_rows

from forgelm.base.errors import AddressRefusedError, ConfigError, DataError, ExitCode, ModelError, NetworkError
from forgelm.base.events import Event
from forgelm.cli.train import exit_code
from forgelm.config.root import ForgeConfig
from forgelm.data.prompts import read_prompts
from forgelm.evaluate.judge.evaluator import Answers, check_judges, measure_answers
from forgelm.evaluate.measurement import Measurement
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]
PROMPTS = 8


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Prompts of the bundled task, which the base model answers in prose and the tuned one in JSON."""
    path = tmp_path / "eval_prompts.jsonl"
    rows = order_rows(80)[:: 80 // PROMPTS]
    texts = [next(m["content"] for m in row["messages"] if m["role"] == "user") for row in rows]
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def json_is_good(found: dict[str, str]) -> Any:
    """Grade what begins like JSON with 9, all else with 3."""
    if "answer" in found:
        return {"reason": "form", "score": 9 if found["answer"].startswith("{") else 3}
    first, second = (found[name].startswith("{") for name in ("answer_a", "answer_b"))
    return {"reason": "form", "better": "tie" if first == second else "A" if first else "B"}


def judged(make_config: Make, prompts: Path, url: str, **fields: Any) -> ForgeConfig:
    judge = {
        "enabled": True,
        "judge_model": "grader",
        "judge_api_base": url,
        "allow_private_destinations": True,
        "eval_dataset": str(prompts),
        "max_new_tokens": 40,
        "max_attempts": 1,
        "min_score": 5.5,
        **fields,
    }
    return make_config(
        training={"max_steps": 24, "learning_rate": 1e-2, "eval_steps": 500, "save_steps": 500},
        evaluation={"auto_revert": True, "max_acceptable_loss": 9.0, "llm_judge": judge},
    )


def measured(config: ForgeConfig, folder: Path) -> dict[str, Measurement]:
    """Judge answers in JSON against a base model's in prose."""
    judge = config.evaluation.llm_judge if config.evaluation else None
    assert judge is not None
    asked = tuple(read_prompts(Path(judge.eval_dataset)))
    tuned = Answers(asked, tuple(f'{{"number": {number}}}' for number in range(PROMPTS)), folder)
    base = replace(tuned, texts=tuple(f"Number {number}." for number in range(PROMPTS)))
    found = measure_answers(config, None, tuned, base if judge.compare_with_base else None)  # type: ignore[arg-type]
    return {one.name: one for one in found}


def gate(result: TrainResult) -> dict[str, Any]:
    return next(found for found in result.gates if found["gate"] == "judge")


@pytest.mark.slow
def test_a_run_that_a_judge_approves_of_is_resumed_without_paying_twice(
    make_config: Make, prompts: Path, tmp_path: Path
) -> None:
    with judging(json_is_good) as server:
        config = judged(make_config, prompts, server.url, min_win_rate=0.55)
        result = run_single(config)
        first = len(server.asked)
        results = json.loads((tmp_path / "run" / "judge" / "judge_results.json").read_text())
        again = run_single(config)
        second = len(server.asked) - first
    assert result.success, result.gates
    assert gate(result)["value"] > 8
    assert (results["passed"], results["num_prompts"]) == (True, PROMPTS)
    assert results["baseline_average_score"] == 3
    assert results["win_rate"] > 0.9
    assert results["cost"]["calls"] == first - 1
    assert gate(again)["value"] == gate(result)["value"]
    # The trial before the run is the only question of the second one.
    assert second == 1


@pytest.mark.slow
def test_a_run_that_a_judge_disapproves_of_is_refused(make_config: Make, prompts: Path, tmp_path: Path) -> None:
    with judging(lambda found: {"score": 2} if "answer" in found else {"better": "tie"}) as server:
        config = judged(make_config, prompts, server.url, compare_with_base=False)
        result = run_single(config.replace("training.max_steps", 1))
    assert result.reverted
    assert exit_code(result) is ExitCode.GATE_FAILED
    assert not (tmp_path / "run" / "final_model").exists()
    assert gate(result)["status"] == "failed"
    assert "below evaluation.llm_judge.min_score 5.5000" in gate(result)["reason"]


def test_a_judge_that_dies_in_the_middle_leaves_nothing_measured(
    make_config: Make, prompts: Path, tmp_path: Path
) -> None:
    said: list[int] = []

    def grade(found: dict[str, str]) -> Any:
        said.append(1)
        return json_is_good(found) if len(said) <= 5 else Answer(503, b"gone")

    with judging(grade) as server:
        found = measured(judged(make_config, prompts, server.url), tmp_path)
    assert found["judge.average_score"].value is None
    assert found["judge.win_rate"].value is None
    assert "grader gave no points" in str(found["judge.average_score"].problem)
    assert "status 503: gone" in str(found["judge.average_score"].problem)


def test_a_local_judge_that_cannot_grade_leaves_nothing_measured(
    make_config: Make, prompts: Path, tmp_path: Path
) -> None:
    fields = {"judge_api_base": None, "judge_model": "builtin/ember", "compare_with_base": False}
    config = judged(make_config, prompts, "", **fields)
    score = measured(config, tmp_path)["judge.average_score"]
    assert (score.value, score.n) == (None, 0)
    assert "builtin/ember gave no points to 8 of 8 answers" in str(score.problem)


def refuse(said: str) -> Callable[[dict[str, str]], Any]:
    return lambda _: said


@pytest.mark.parametrize(
    ("grade", "error", "said"),
    [
        (lambda _: Answer(401, b""), ConfigError, "does not accept the key"),
        (lambda _: Answer(404, b""), ConfigError, "no such model"),
        (lambda _: Answer(500, b""), NetworkError, "nothing was trained"),
        (refuse("I think it is rather good."), ConfigError, "does not reply in the form"),
    ],
)
def test_a_judge_that_cannot_work_stops_the_run_before_it_trains(
    make_config: Make, prompts: Path, grade: Any, error: type[Exception], said: str
) -> None:
    heard: list[Event] = []
    with judging(grade) as server, pytest.raises(error, match=said):
        run_single(judged(make_config, prompts, server.url), listen=lambda event, **_: heard.append(event))
    assert Event.MODEL_LOADED not in heard


def test_what_is_checked_before_a_run(
    make_config: Make,
    prompts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    few = tmp_path / "few.jsonl"
    few.write_text("one\ntwo\n")
    with judging() as server:
        check_judges(judged(make_config, prompts, server.url))
        assert "too few for an interval" not in caplog.text
        check_judges(judged(make_config, few, server.url, gate_on="point"))
        assert "too few for an interval" not in caplog.text
        check_judges(judged(make_config, few, server.url))
        assert "too few for an interval" in caplog.text
        with pytest.raises(AddressRefusedError):
            check_judges(judged(make_config, prompts, server.url, allow_private_destinations=False))
        with pytest.raises(DataError):
            check_judges(judged(make_config, tmp_path / "none.jsonl", server.url))
        with pytest.raises(ConfigError, match="JUDGE_KEY"):
            check_judges(judged(make_config, prompts, server.url, judge_api_key_env="JUDGE_KEY"))
        with pytest.raises(ModelError):
            check_judges(judged(make_config, prompts, server.url, more_judges=[{"judge_model": "builtin/nobody"}]))
    with pytest.raises(NetworkError, match="does not answer"):
        check_judges(judged(make_config, prompts, f"http://127.0.0.1:{closed_port()}"))


def test_several_judges(make_config: Make, prompts: Path, tmp_path: Path) -> None:
    with judging(json_is_good) as one, judging(lambda f: {"score": 7} if "answer" in f else {"better": "tie"}) as two:
        more = [{"judge_model": "second", "judge_api_base": two.url}]
        found = measured(judged(make_config, prompts, one.url, more_judges=more), tmp_path)
    score = found["judge.average_score"]
    assert (score.value, score.baseline) == (8.0, 5.0)
    assert [judge["judge"] for judge in score.details["judges"]] == ["grader", "second"]
    assert score.details["disagreement"]["mean_spread_points"] == 2.0
    assert found["judge.win_rate"].value == 0.75


def test_prompts_that_change_during_a_run(make_config: Make, prompts: Path, tmp_path: Path) -> None:
    config = judged(make_config, prompts, f"http://127.0.0.1:{closed_port()}")
    tuned = Answers(tuple(read_prompts(prompts)), ("a",) * PROMPTS, tmp_path)
    (score,) = measure_answers(config, None, tuned, replace(tuned, prompts=tuned.prompts[1:]))  # type: ignore[arg-type]
    assert (score.value, score.problem) == (None, f"{prompts} changed during the run")
