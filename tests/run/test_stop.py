"""The first signal asks, the second ends the process with the signal's own status; real signals, real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support import sections, write_rows

from forgelm.base.errors import ExitCode, StoppedError
from forgelm.config.root import ForgeConfig
from forgelm.evidence.chain import verify_audit_log
from forgelm.run.stop import SIGNALS, StopRequest, stop_on_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

CHILD = """
import signal, sys, time
from forgelm.run.stop import SIGNALS, StopRequest, stop_on_signals
before = [signal.getsignal(number) for number in SIGNALS]
stop = StopRequest()
with stop_on_signals(stop):
    print("ready", flush=True)
    while not stop.asked():
        time.sleep(0.005)
    print("asked", flush=True)
    if sys.argv[1] == "linger":
        time.sleep(600)
print("restored" if [signal.getsignal(number) for number in SIGNALS] == before else "not restored", flush=True)
"""
# Sends a second signal while the request of the first is being made: at the given step of Python inside ``ask``.
INTERRUPTED = """
import os, signal, sys
from forgelm.run.stop import StopRequest, stop_on_signals
steps, stop = 0, StopRequest()

def is_asking(frame):
    while frame is not None and frame.f_code is not StopRequest.ask.__code__:
        frame = frame.f_back
    return frame is not None

def trace(frame, event, argument):
    global steps
    if not is_asking(frame):
        return None
    steps += 1
    if steps == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGTERM)
    return trace

with stop_on_signals(stop):
    sys.settrace(trace)
    os.kill(os.getpid(), signal.SIGINT)
    sys.settrace(None)
print("asked" if stop.asked() else "not asked", steps)
"""


def start(mode: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, mode], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_and_the_process_ends_as_it_likes(number: signal.Signals) -> None:
    process = start("leave")
    process.send_signal(number)
    assert process.communicate(timeout=120)[0] == "asked\nrestored\n"
    assert process.returncode == 0


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize("second", SIGNALS)
def test_the_second_signal_ends_it_at_once(first: signal.Signals, second: signal.Signals) -> None:
    process = start("linger")
    process.send_signal(first)
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    process.send_signal(second)
    assert process.communicate(timeout=120)[0] == ""
    assert process.returncode == -second


@pytest.mark.parametrize("step", range(1, 13))
def test_a_signal_in_the_middle_of_handling_another_does_not_hang(step: int) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("asked") or done.returncode == -signal.SIGTERM


def test_the_handlers_of_before_are_restored() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    stop = StopRequest()
    with stop_on_signals(stop):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    with pytest.raises(KeyError), stop_on_signals(stop):
        raise KeyError
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_handler_of_the_caller_is_restored_too() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        stop = StopRequest()
        with stop_on_signals(stop):
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.asked()
            assert heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_check_raises_only_after_a_stop_was_asked_for() -> None:
    stop = StopRequest()
    stop.check()
    assert not stop.asked()
    thread = threading.Thread(target=stop.ask)
    thread.start()
    thread.join()
    assert stop.asked()
    with pytest.raises(StoppedError, match="--resume") as caught:
        stop.check()
    assert caught.value.exit_code == ExitCode.STOPPED == 75
    assert caught.value.checkpoint is None


def test_nothing_on_the_way_takes_a_stop_in_the_midst_of_work_for_a_fault() -> None:
    stop = StopRequest()
    with pytest.raises(StoppedError, match="--resume"), stop.amid() as look:
        look()
        stop.ask()
        with contextlib.suppress(Exception):
            look()
        pytest.fail("the stop was taken for a fault")
    with pytest.raises(KeyError), StopRequest().amid() as look:
        look()
        raise KeyError


def test_a_signal_while_a_model_answers_ends_the_run_before_its_last_answer(orders: Path, tmp_path: Path) -> None:
    """The answers to all prompts take many minutes; what would follow them is the training, which never begins."""
    prompts = write_rows(tmp_path / "prompts.jsonl", [{"prompt": f"What is {n} and {n}?"} for n in range(4_000)])
    judge = {"enabled": True, "judge_model": "builtin/ember", "eval_dataset": str(prompts), "gate_on": "point"}
    config = ForgeConfig(**sections(orders, tmp_path / "run", evaluation={"llm_judge": judge}))
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    command = [sys.executable, "-m", "forgelm", "--config", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        said = list(iter(child.stderr.readline, "forgelm: asking the base model: judge\n"))
        child.send_signal(signal.SIGTERM)
        said.append(child.communicate(timeout=300)[1])
    assert child.returncode == ExitCode.STOPPED, said
    assert "stopped as asked" in said[-1]
    log = tmp_path / "run" / "audit_log.jsonl"
    assert verify_audit_log(str(log)).state == "closed"
    events = log.read_text()
    assert '"pipeline.stopped"' in events
    assert '"training.started"' not in events


def test_asking_twice_is_asking() -> None:
    stop = StopRequest()
    stop.ask()
    stop.ask()
    assert stop.asked()


GRACE = """
import signal, sys, time
from forgelm.base.errors import StoppedError
from forgelm.run.stop import StopRequest, stop_on_signals
stop = StopRequest()
try:
    with stop_on_signals(stop, float(sys.argv[1])):
        print("ready", flush=True)
        while not stop.asked():
            time.sleep(0.005)
        print("asked", flush=True)
        time.sleep(float(sys.argv[2]))
        print("stopped in good order", flush=True)
except StoppedError as error:
    print(error.message, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize(
    ("grace", "needs", "end"),
    [("300", "0.1", "stopped in good order\n"), ("1", "600", "broken off: the run had not")],
)
def test_a_run_that_does_not_stop_in_time_is_broken_off(
    number: signal.Signals, grace: str, needs: str, end: str
) -> None:
    command = [sys.executable, "-c", GRACE, grace, needs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=120)[0].startswith(f"asked\n{end}")
        assert process.returncode == 0


WARNED = """
import os, time
from forgelm.run.stop import StopRequest, stop_on_signals
class Telling(StopRequest):
    def ask(self):
        super().ask()
        os.write(1, b"heard\\n")
with stop_on_signals(Telling()):
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_warning_asks_and_does_not_count_as_the_first_signal() -> None:
    with subprocess.Popen([sys.executable, "-c", WARNED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR1, signal.SIGTERM):
            process.send_signal(number)
            assert process.stdout.readline() == "heard\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == -signal.SIGTERM
