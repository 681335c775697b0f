"""Messages go out in order on a thread of their own, and nobody waits for them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from forgelm.run.webhook.outbox import Outbox

Pause = Callable[[float], object]


def test_messages_go_out_in_order() -> None:
    sent: list[int] = []
    outbox = Outbox(last_wait_seconds=60)
    for number in range(20):
        outbox.put(lambda _, number=number: sent.append(number))  # type: ignore[misc]
    assert outbox.close()
    assert sent == list(range(20))


def test_putting_does_not_wait_and_closing_waits_no_longer_than_it_may() -> None:
    """Were either to wait for the messages, they would wait for the event that is set after both."""
    stuck, waited = threading.Event(), list[bool]()
    outbox = Outbox(last_wait_seconds=0.1)
    for _ in range(3):
        outbox.put(lambda _: waited.append(stuck.wait(60)))
    assert not outbox.close()
    assert waited == []
    stuck.set()


def test_a_pause_between_attempts_ends_when_there_is_no_time_left() -> None:
    paused: list[object] = []
    outbox = Outbox(last_wait_seconds=0.05)

    def send(pause: Pause) -> None:
        paused.append(pause(30))

    outbox.put(send)
    assert not outbox.close()
    deadline = time.monotonic() + 60
    while not paused and time.monotonic() < deadline:
        time.sleep(0.01)
    assert paused == [True]


def test_a_message_that_breaks_does_not_stop_the_next_ones() -> None:
    sent: list[str] = []

    def broken(_: Pause) -> None:
        # Python keeps quiet about this one when it ends a thread.
        raise SystemExit

    outbox = Outbox(last_wait_seconds=60)
    outbox.put(broken)
    outbox.close()
    outbox.put(lambda _: sent.append("next"))
    assert outbox.close()
    assert sent == ["next"]


def test_threads_may_share_an_outbox() -> None:
    sent: list[int] = []
    outbox = Outbox(last_wait_seconds=60)
    threads = [
        threading.Thread(target=lambda number=number: outbox.put(lambda _: sent.append(number))) for number in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.close()
    assert sorted(sent) == list(range(30))


def test_a_fork_begins_with_an_empty_outbox_and_can_use_it() -> None:
    stuck = threading.Event()
    outbox = Outbox(last_wait_seconds=60)
    outbox.put(lambda _: stuck.wait(120))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        outbox.put(lambda _: os.write(writer, b"sent"))
        os._exit(0 if outbox.close() else 1)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    assert (os.read(reader, 10), status) == (b"sent", 0)
    stuck.set()
    os.close(reader)
    assert outbox.close()


def test_a_program_that_ends_delivers_its_last_message() -> None:
    code = (
        "import time\nfrom forgelm.run.webhook.outbox import Outbox\n"
        "Outbox(last_wait_seconds=60).put(lambda _: (time.sleep(0.3), print('sent', flush=True)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "sent\n"
