"""A whole generation against a real server: limits, failures, kills, and never a prompt paid for twice."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from judges import completion
from loopback import Answer, Asked, Served, closed_port, serving

from forgelm.base.errors import ConfigError, RunBusyError, StoppedError, StorageError
from forgelm.base.network.retry import Retries
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.generate import generate_rows
from forgelm.data.synthesis.outcome import SynthesisFiles, SynthesisResult
from forgelm.data.synthesis.seeds import read_seeds
from forgelm.data.synthesis.teacher import build_api_teacher

Make = Callable[..., SyntheticConfig]
CUT_OFF = Answer(body=b'{"choices": [{"message": {"content": "x"}, "finish_reason": "length"}]}')
PRICES = {"input_usd_per_million_tokens": 1.0, "output_usd_per_million_tokens": 1.0}


def prompt_of(asked: Asked) -> str:
    return str(asked.json()["messages"][1]["content"])


def echo(asked: Asked) -> Answer:
    return completion(f"Answer to {prompt_of(asked)}")


def generate(section: SyntheticConfig, stopped: Callable[[], bool] = lambda: False) -> SynthesisResult:
    teacher = build_api_teacher(section, retries=Retries(attempts=2, sleep=lambda _: None))
    return generate_rows(section, read_seeds(section), teacher, stopped=stopped)


def asked_for(server: Served) -> Counter[str]:
    return Counter(prompt_of(asked) for asked in server.asked)


def rows_of(section: SyntheticConfig) -> list[list[str]]:
    lines = Path(section.output_file).read_text(encoding="utf-8").splitlines()
    return [[turn["content"] for turn in json.loads(line)["messages"]] for line in lines]


def test_rows_stand_in_the_order_of_the_prompts_and_a_second_command_asks_nothing(section: Make) -> None:
    with serving(echo) as server:
        found = section(server.url)
        first, before = generate(found), Path(found.output_file).read_bytes()
        again = generate(found)
        assert set(asked_for(server).values()) == {1}
    assert rows_of(found) == [[f"Question {n}?", f"Answer to Question {n}?"] for n in range(6)]
    assert (first.asked, first.resumed, first.rows, first.success) == (6, 0, 6, True)
    assert (again.asked, again.resumed, again.rows, again.success) == (0, 6, 6, True)
    assert Path(found.output_file).read_bytes() == before
    assert SynthesisFiles(Path(found.output_file)).replies.stat().st_mode & 0o077 == 0


def test_several_are_on_their_way_at_a_time_and_no_more(section: Make) -> None:
    """The first three are answered when all of them are there, and a fourth among them would be counted."""
    changed, now, most = threading.Condition(), 0, 0

    def answer(asked: Asked) -> Answer:
        nonlocal now, most
        with changed:
            now += 1
            most = max(most, now)
            changed.notify_all()
            assert changed.wait_for(lambda: most >= 3, timeout=120)
        time.sleep(0.02)
        with changed:
            now -= 1
        return echo(asked)

    with serving(answer) as server:
        assert generate(section(server.url, api_workers=3, seed_prompts=[str(n) for n in range(12)])).rows == 12
    assert most == 3


def test_some_fail_and_each_is_named(section: Make, caplog: pytest.LogCaptureFixture) -> None:
    def answer(asked: Asked) -> Answer:
        number = int(prompt_of(asked).split()[1][0])
        wrong = {
            1: completion(""),
            2: Answer(200, b'{"a": 1}'),
            3: Answer(500),
            4: CUT_OFF,
        }
        return wrong.get(number) or completion("The same.")

    with serving(answer) as server, caplog.at_level(logging.WARNING):
        result = generate(section(server.url, min_success_rate=0.5, deduplicate="replies"))
    assert (result.successful, result.failed, result.duplicates, result.rows) == (2, 4, 1, 1)
    assert (result.success, round(result.success_rate, 3)) == (False, 0.333)
    faults = [text.partition("]: ")[2] for text in result.errors]
    assert ["empty" in faults[0], "other than" in faults[1], "500" in faults[2], "cut off" in faults[3]] == [True] * 4
    assert "4 of 6 prompts have no usable reply" in caplog.text


def test_an_empty_reply_is_asked_for_again_and_the_others_are_not(section: Make) -> None:
    silent = True

    def answer(asked: Asked) -> Answer:
        return completion(" ") if silent and prompt_of(asked).split()[1][0] in "23" else echo(asked)

    with serving(answer) as server:
        found = section(server.url)
        first = generate(found)
        assert (first.successful, first.failed, first.asked) == (4, 2, 6)
        assert all("the reply is empty" in text for text in first.errors)
        silent = False
        again = generate(found)
        assert (again.successful, again.failed, again.asked, again.resumed) == (6, 0, 2, 4)
        assert sorted(asked_for(server).values()) == [1, 1, 1, 1, 2, 2]


def test_the_limit_on_cost_is_never_passed_and_the_next_command_goes_on(section: Make) -> None:
    with serving(lambda asked: completion("Yes.", (100, 20))) as server:
        found = section(server.url, **PRICES, max_new_tokens=200, api_workers=1, max_cost_usd=0.0008)
        result = generate(found)
        assert result.cost_usd is not None and 0 < result.cost_usd <= 0.0008
        assert 0 < result.successful < 6 and "max_cost_usd" in result.errors[0]
        again = generate(found.model_copy(update={"max_cost_usd": 1.0}))
        assert (again.successful, again.resumed) == (6, result.successful)
        assert set(asked_for(server).values()) == {1}


def test_nobody_there_ends_early(section: Make) -> None:
    found = section(f"http://127.0.0.1:{closed_port()}", seed_prompts=[str(n) for n in range(40)], api_workers=1)
    result = generate(found)
    assert (result.successful, result.failed, result.asked, result.success) == (0, 40, 0, False)
    assert "not asked" in result.errors[9]
    assert not Path(found.output_file).exists()


def test_a_refused_key_is_one_error_and_keeps_what_was_answered(section: Make) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(401) if prompt_of(asked) == "Question 3?" else echo(asked)

    with serving(answer) as server:
        found = section(server.url, api_workers=1)
        with pytest.raises(ConfigError, match="does not accept the key"):
            generate(found)
        before = asked_for(server)
    with serving(echo) as server:
        assert generate(section(server.url, api_workers=1)).asked == 6  # another endpoint is another teacher
    assert before["Question 2?"] == 1


def test_a_stop_keeps_what_is_on_its_way(section: Make) -> None:
    stop = threading.Event()

    def answer(asked: Asked) -> Answer:
        stop.set()
        time.sleep(0.5)
        return echo(asked)

    with serving(answer) as server:
        found = section(server.url, api_workers=2)
        with pytest.raises(StoppedError):
            generate(found, stop.is_set)
        assert not Path(found.output_file).exists()
        assert generate(found).success
        assert set(asked_for(server).values()) == {1}


_CHILD = """
import json, sys
from forgelm.config.synthetic import SyntheticConfig
from forgelm.data.synthesis.generate import generate_rows
from forgelm.data.synthesis.seeds import read_seeds
from forgelm.data.synthesis.teacher import build_api_teacher
section = SyntheticConfig.model_validate(json.loads(sys.argv[1]))
generate_rows(section, read_seeds(section), build_api_teacher(section))
"""


@pytest.mark.parametrize("after", [3, 11])
def test_a_kill_in_the_middle_asks_nothing_twice_that_was_answered(section: Make, after: int) -> None:
    answered, held, killed = list[str](), threading.Event(), threading.Event()

    def answer(asked: Asked) -> Answer:
        # The one on its way when the kill comes gets no answer: only a reply that arrived can be kept.
        if len(answered) == after and not killed.is_set():
            held.set()
            killed.wait(30)
            return Answer(raw=lambda _: None)
        answered.append(prompt_of(asked))
        return echo(asked)

    prompts = [f"Question {n}?" for n in range(20)]
    with serving(answer) as server:
        found = section(server.url, api_workers=1, seed_prompts=prompts)
        with subprocess.Popen([sys.executable, "-c", _CHILD, found.model_dump_json()]) as child:
            assert held.wait(60)
            child.send_signal(signal.SIGKILL)
        killed.set()
        assert not Path(found.output_file).exists()
        result = generate(found)
    assert (result.resumed, result.asked, result.rows) == (after, 20 - after, 20)
    assert Counter(answered) == Counter(prompts)


def test_one_command_at_a_time(section: Make) -> None:
    found = section()
    lock = SynthesisFiles(Path(found.output_file)).lock
    lock.parent.mkdir()
    with FileLock(lock), pytest.raises(RunBusyError, match="another command"):
        generate(found)


def test_a_place_that_cannot_be_written(section: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with serving(echo) as server:
        with pytest.raises(StorageError):
            generate(section(server.url, output_file=str(tmp_path / "file" / "rows.jsonl")))
        assert server.asked == []


def test_failures_are_warned_about_above_the_share_that_is_allowed_for(
    section: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(lambda asked: completion("") if "Question 0" in prompt_of(asked) else echo(asked)) as server:
        assert generate(section(server.url, sanity_failure_rate=0.2)).failed == 1
        assert "no usable reply" not in caplog.text
        assert generate(section(server.url, sanity_failure_rate=0.1)).failed == 1
        assert "1 of 6 prompts have no usable reply" in caplog.text
