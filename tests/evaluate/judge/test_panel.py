"""Many questions to one judge: nothing is paid twice, and a judge that is gone is not asked for ever."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from judges import by_length, completion, judging
from loopback import Answer, closed_port, serving

from forgelm.base.errors import StoppedError, StorageError
from forgelm.base.network.replies import Cache
from forgelm.base.network.retry import Retries
from forgelm.base.network.spending import Price, Spending
from forgelm.config.judge import JudgeConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.prompts import EvalPrompt
from forgelm.evaluate.judge.endpoint import Endpoint, JudgeRefusesError, build_endpoint
from forgelm.evaluate.judge.local import LocalJudge
from forgelm.evaluate.judge.panel import ask_panel, describe_judge
from forgelm.evaluate.judge.rubric import ask_for_score
from forgelm.run.stop import StopRequest, stop_on_signals

QUESTIONS = [ask_for_score(EvalPrompt(f"prompt {number}"), "x" * number) for number in range(1, 13)]


def endpoint(base: str, **fields: Any) -> Endpoint:
    config = JudgeConfig.model_validate({"judge_api_base": base, "allow_private_destinations": True, **fields})
    return build_endpoint(config, config, retries=Retries(attempts=2, sleep=lambda _: None))


def test_replies_come_in_the_order_of_the_questions_and_are_paid_once(tmp_path: Path) -> None:
    with judging() as server:
        first, again = Spending(), Spending()
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), first, workers=4)
        repeated = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), again, workers=4)
        asked = len(server.asked)
    assert [text and text[-3:] for text in replied.texts[:3]] == [" 1}", " 2}", " 3}"]
    assert replied == repeated
    assert replied.failures == ()
    assert (asked, first.calls, again.calls, again.cached) == (12, 12, 0, 12)


def test_questions_go_out_together(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=120)

    def grade(_: dict[str, str]) -> Any:
        together.wait()
        return {"score": 5}

    with judging(grade) as server:
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), Spending(), workers=4)
    assert None not in replied.texts


def test_a_signal_ends_the_round_and_the_reply_on_its_way_is_kept(tmp_path: Path) -> None:
    """The signal comes with the second question, whose reply waits until the round has heard of it."""
    numbers, stop, cache = itertools.count(1), StopRequest(), Cache(tmp_path / "c")

    def grade(_: dict[str, str]) -> Any:
        if next(numbers) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
            assert judge.stopped.wait(60)
        return {"score": 5}

    with judging(grade) as server:
        judge = endpoint(server.url, timeout_seconds=120)
        with pytest.raises(StoppedError), stop_on_signals(stop), stop.amid() as look:
            ask_panel(judge, QUESTIONS, cache, Spending(), look=look)
        assert len(server.asked) == 2
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), Spending())
        assert len(server.asked) == len(QUESTIONS)
    assert None not in replied.texts


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    with judging() as server:
        replied = ask_panel(endpoint(server.url), QUESTIONS[:1] * 5, Cache(tmp_path / "c"), Spending())
        assert len(server.asked) == 1
    assert len(set(replied.texts)) == 1


def test_a_judge_that_dies_is_given_up_and_what_it_said_is_kept(tmp_path: Path) -> None:
    said: list[int] = []

    def grade(found: dict[str, str]) -> Any:
        said.append(1)
        return by_length(found) if len(said) <= 4 else Answer(500, b"gone")

    with judging(grade) as server:
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), Spending())
        # Four replies, then three failures of two attempts each.
        assert len(server.asked) == 4 + 6
    assert [text is not None for text in replied.texts] == [True] * 4 + [False] * 8
    assert "status 500: gone (3 times)" in replied.failures[0]
    with judging() as server:
        restarted = endpoint(server.url)
        restarted.url = f"{server.url}/chat/completions"
        cache = Cache(tmp_path / "c")
        replied = ask_panel(restarted, QUESTIONS, cache, Spending())
        assert None not in replied.texts


def test_a_refusal_ends_the_round_at_once(tmp_path: Path) -> None:
    with serving(lambda _: Answer(401, b"")) as server:
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), Spending())
        assert len(server.asked) == 1
    assert set(replied.texts) == {None}
    assert replied.failures == ("the judge gpt-4o refuses (401): it does not accept the key",)


def test_a_single_failure_costs_one_reply(tmp_path: Path) -> None:
    def grade(found: dict[str, str]) -> Any:
        return Answer(400, b"too long") if len(found["answer"]) == 5 else by_length(found)

    with judging(grade) as server:
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), Spending())
    assert [number for number, text in enumerate(replied.texts) if text is None] == [4]


def test_the_limit_on_spending_is_not_passed(tmp_path: Path) -> None:
    price = Price(0.0, 1000.0)
    with serving(lambda _: completion({"score": 5}, tokens=(100, 4096))) as server:
        spending = Spending(3 * price.cost_usd(0, 4096) + 0.01)
        replied = ask_panel(endpoint(server.url), QUESTIONS, Cache(tmp_path / "c"), spending, price=price, workers=8)
        assert len(server.asked) == 3
    assert sum(text is not None for text in replied.texts) == 3
    assert spending.usd <= 3 * price.cost_usd(0, 4096) + 0.01
    assert replied.failures == ("the limit max_cost_usd leaves no room for another question",)


def test_a_disk_that_is_full_stops_the_questions(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "judge" / "c")
    (tmp_path / "judge").write_text("in the way")

    numbers = itertools.count(1)

    def grade(found: dict[str, str]) -> Any:
        if next(numbers) > 1:
            assert judge.stopped.wait(60)
        return by_length(found)

    with judging(grade) as server:
        judge = endpoint(server.url, timeout_seconds=120)
        with pytest.raises(StorageError):
            ask_panel(judge, QUESTIONS, cache, Spending())
        assert len(server.asked) <= 2


def test_a_judge_that_is_stopped_is_not_tried_again() -> None:
    judge = endpoint(f"http://127.0.0.1:{closed_port()}")
    judge.stopped.set()
    with pytest.raises(JudgeRefusesError, match="not asked any more"):
        judge.ask(QUESTIONS[0])


def test_a_local_judge_that_cannot_be_loaded(tmp_path: Path, make_config: Any) -> None:
    config: ForgeConfig = make_config()
    judge = LocalJudge(JudgeConfig(judge_model="builtin/nobody"), config, batch_size=2)
    replied = ask_panel(judge, QUESTIONS, Cache(tmp_path / "c"), Spending())
    assert set(replied.texts) == {None}
    assert "no bundled model" in replied.failures[0]


def test_a_judge_is_described_without_its_path() -> None:
    assert describe_judge(endpoint("https://judge.example/secret/v1")) == {
        "judge": "gpt-4o",
        "kind": "endpoint",
        "url": "https://judge.example",
    }
