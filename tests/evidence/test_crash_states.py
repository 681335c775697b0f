"""Every state that a power cut can leave of the log opens again, and holds what was acknowledged."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash_states import Recording, State, count_states, crash_states, record

from forgelm.base.files import write_bytes
from forgelm.evidence.anchor import Anchor
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.evidence.ledger import AuditLogger

TORN = b'{"timestamp": "2026-01-01T00:00:00.000000+00:00", "run_id": "killed", "text": "' + b"t" * 700
SECOND_CUTS = 0.05


class Workload:
    """Writes numbered events and marks each when it is acknowledged."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self.folder = folder
        self.recording = recording
        self.numbers = itertools.count()
        self.log = AuditLogger(str(folder), run_id="fg-1")

    def event(self, size: int = 10) -> None:
        number = next(self.numbers)
        self.log.log_event("x", number=number, filling="x" * size)
        self.recording.mark(number)

    def burst(self, count: int, size: int = 10) -> None:
        numbers = list(itertools.islice(self.numbers, count))
        self.log.log_events([("x", {"number": number, "filling": "x" * size}) for number in numbers])
        self.recording.mark(numbers)

    def checkpoint(self) -> None:
        self.recording.mark(self.log.checkpoint())

    def close(self) -> None:
        self.recording.mark(self.log.close_run())

    def reopen(self) -> None:
        self.log.close()
        self.log = AuditLogger(str(self.folder), run_id="fg-2")


def small_events(work: Workload) -> None:
    for _ in range(4):
        work.event()


def events_of_all_sizes(work: Workload) -> None:
    for size in (0, 150, 400, 600, 1500, 4000, 9000, 70_000):
        work.event(size)


def bursts(work: Workload) -> None:
    for count, size in ((5, 10), (40, 100), (3, 3000), (12, 1200), (9, 15_000)):
        work.burst(count, size)
        work.event()


def bursts_of_eight_sectors(work: Workload) -> None:
    for size in range(100, 160):
        work.burst(8, size)


def checkpoints(work: Workload) -> None:
    for _ in range(5):
        work.event()
        work.checkpoint()
    work.close()


def several_runs(work: Workload) -> None:
    for size in (10, 500, 2000):
        work.event(size)
        work.close()
        work.reopen()
        work.burst(4, size)
        work.checkpoint()
    work.close()


WORKLOADS: dict[str, tuple[Callable[[Workload], None], bytes]] = {
    "small events": (small_events, b""),
    "events of all sizes": (events_of_all_sizes, b""),
    "bursts": (bursts, b""),
    "bursts of eight sectors": (bursts_of_eight_sectors, b""),
    "checkpoints": (checkpoints, b""),
    "several runs": (several_runs, b""),
    "repair, then events": (small_events, TORN),
    "repair, then runs": (several_runs, TORN),
    "repair of a hole": (checkpoints, b'{"timestamp": "20' + b"\0" * 3000 + b"}\n"),
}


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is simulated here is the disk."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def run(folder: Path, name: str) -> Recording:
    work, torn = WORKLOADS[name]
    folder.mkdir()
    if torn:
        log = AuditLogger(str(folder), run_id="fg-0")
        log.log_event("before")
        log.close()
        with log.path.open("ab") as stream:
            stream.write(torn)
    with record(folder) as recording:
        work(Workload(folder, recording))
    return recording


def violations(state: State, folder: Path, torn: bytes) -> list[str]:
    state.write(folder)
    log = AuditLogger(str(folder), run_id="fg-after")
    log.log_event("after")
    log.close_run()
    found = {json.loads(line).get("number") for line in log.path.read_bytes().splitlines()}
    anchors = [Anchor("noted", mark) for mark in state.marks if isinstance(mark, Checkpoint)]
    result = verify_audit_log(str(log.path), anchors=anchors)
    log.close()
    acknowledged = {number for mark in state.marks for number in (mark if isinstance(mark, list) else [mark])}
    problems = [f"{number} is lost" for number in acknowledged if isinstance(number, int) and number not in found]
    if not result.valid or result.state != "closed":
        problems.append(f"{result.state}: {result.reason}")
    if torn and torn not in [path.read_bytes() for path in folder.glob("*.torn-*")]:
        problems.append("the torn bytes are lost")
    return problems


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_sample_of_states_opens_and_holds_what_was_acknowledged(tmp_path: Path, fast: Path, name: str) -> None:
    states = list(crash_states(run(tmp_path / "run", name)))
    for state in random.Random(11).sample(states, min(60, len(states))):
        assert violations(state, fast / "state", WORKLOADS[name][1]) == []


@pytest.mark.torture
def test_every_state_opens_and_holds_what_was_acknowledged(
    tmp_path: Path, fast: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the states of a second power cut, in the middle of the repair of the first."""
    enumerated = distinct = 0
    chance = random.Random(13)
    for place, (name, (_, torn)) in enumerate(WORKLOADS.items()):
        recording = run(tmp_path / str(place), name)
        enumerated += count_states(recording)
        for state in crash_states(recording):
            distinct += 1
            assert violations(state, fast / "state", torn) == [], (name, state.marks)
            if chance.random() < SECOND_CUTS:
                again = repair(state, fast / "again")
                enumerated += count_states(again)
                for second in crash_states(again):
                    distinct += 1
                    after = State(second.names, second.contents, (*state.marks, *second.marks))
                    assert violations(after, fast / "state", torn) == [], (name, after.marks)
    with capsys.disabled():
        print(f"\n{enumerated} crash states, {distinct} of them different: 0 violations")  # noqa: T201
    assert enumerated >= 50_000


def repair(state: State, folder: Path) -> Recording:
    state.write(folder)
    with record(folder) as recording:
        log = AuditLogger(str(folder), run_id="fg-repair")
        log.log_event("repaired")
        recording.mark(log.close_run())
        log.close()
    return recording


def test_the_simulated_disk_keeps_no_more_than_it_must(tmp_path: Path) -> None:
    with record(tmp_path) as recording:
        (tmp_path / "a").write_bytes(b"one")
        recording.mark("a")
        with open(tmp_path / "b", "wb") as stream:
            stream.write(b"x" * 600)
    seen = {
        (path, state.contents.get(file, b"")) for state in crash_states(recording) for path, file in state.names.items()
    }
    assert {("a", b""), ("a", b"one"), ("b", b""), ("b", b"x" * 512), ("b", b"\0" * 512 + b"x" * 88)} <= seen
    assert any(not state.names and state.marks == ("begin", "a") for state in crash_states(recording))


def test_what_was_synced_is_always_there(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")
    with record(tmp_path) as recording:
        write_bytes(tmp_path / "a", b"new")
        recording.mark("written")
    contents = {(state.contents[state.names["a"]], len(state.marks)) for state in crash_states(recording)}
    assert contents == {(b"old", 1), (b"new", 1), (b"new", 2)}
