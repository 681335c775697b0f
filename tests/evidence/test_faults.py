"""The log among kills, full disks, broken disks and many writers: what is acknowledged stays, and it opens again."""

from __future__ import annotations

import errno
import json
import os
import random
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forgelm.base.errors import StorageError
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.ledger import AuditLogger

Entry = dict[str, object]


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)


def read(folder: Path) -> list[Entry]:
    return [json.loads(line) for line in (folder / "audit_log.jsonl").read_bytes().splitlines()]


def holds(folder: Path) -> bool:
    return verify_audit_log(str(folder / "audit_log.jsonl")).valid


def append_for_ever(folder: Path, turn: int, filling: int, acknowledge: int) -> None:
    """What the child does: it says every number once its line is on disk, and ``!`` when the log does not open."""
    try:
        log = AuditLogger(str(folder), run_id=f"run-{turn}")
        number = 0
        while True:
            if number % 5 == 4:
                log.checkpoint()
            log.log_event("load.step", number=number, filling="x" * filling)
            os.write(acknowledge, b"%d\n" % number)
            number += 1
    except (Exception, SystemExit) as error:  # noqa: BLE001
        os.write(acknowledge, f"!{error!r}\n".encode())
    finally:
        os._exit(1)


def kill_one(folder: Path, turn: int, filling: int, after: float) -> list[int]:
    """Return what a writer acknowledged before it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        append_for_ever(folder, turn, filling, writer)
    os.close(writer)
    # Every fourth is killed while it opens the log, the others behind their first event.
    said = os.read(reader, 65536) if turn % 4 else b""
    until = time.monotonic() + after
    while (left := until - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            said += os.read(reader, 65536)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reader, 65536):
        said += more
    os.close(reader)
    assert b"!" not in said, said
    return [int(line) for line in said.split(b"\n")[:-1]]


def kill_many(root: Path, kills: int, *, per_folder: int, longest: float) -> tuple[int, int]:
    """Return how many events were acknowledged, and how many appends a kill cut short."""
    chance = random.Random(kills)
    acknowledged = torn = 0
    for start in range(0, kills, per_folder):
        folder = root / f"logs-{start}"
        said = set()
        for turn in range(per_folder):
            filling = 65_536 if turn % 2 else 10
            said |= {(f"run-{turn}", number) for number in kill_one(folder, turn, filling, chance.uniform(0, longest))}
        AuditLogger(str(folder)).close_run()
        entries = read(folder)
        written = {(entry["run_id"], entry["number"]) for entry in entries if entry["event"] == "load.step"}
        assert said <= written
        assert holds(folder)
        acknowledged += len(said)
        torn += sum(entry["event"] == "log.recovered" for entry in entries)
        for path in folder.iterdir():
            path.unlink()
    return acknowledged, torn


def test_kills_at_random_moments_lose_nothing_acknowledged(tmp_path: Path) -> None:
    acknowledged, _ = kill_many(tmp_path, 60, per_folder=30, longest=0.01)
    assert acknowledged >= 45


@pytest.mark.torture
def test_ten_thousand_kills_lose_nothing_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    acknowledged, torn = kill_many(tmp_path, 10_000, per_folder=100, longest=0.006)
    with capsys.disabled():
        print(f"\n10000 kills: {acknowledged} events acknowledged, 0 lost, {torn} torn appends repaired")  # noqa: T201
    assert acknowledged > 10_000


Fail = Callable[[int, int], None]


@pytest.fixture
def failing_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fail]:
    """``fail(offset, number)``: the next write stops short after ``offset`` bytes, the one after it fails."""
    armed: list[tuple[int, int]] = []
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if not armed:
            return real(handle, data)
        offset, number = armed[0]
        if offset:
            armed[0] = (0, number)
            return real(handle, data[:offset])
        armed.clear()
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", write)
    yield lambda offset, number: armed.append((offset, number))
    assert not armed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO])
def test_a_write_that_fails_at_any_byte_leaves_the_log_as_it_was(
    tmp_path: Path, failing_write: Fail, number: int
) -> None:
    log = AuditLogger(str(tmp_path))
    log.log_event("first")
    length = len(log.path.read_bytes())
    for offset in range(length + 1):
        before = log.path.read_bytes()
        failing_write(offset, number)
        with pytest.raises(StorageError) as failed:
            log.log_event("x" * offset if offset else "x")
        assert failed.value.errno == number
        assert log.path.read_bytes() == before
        if offset % 50 == 0:
            log.log_event("next")
    assert [entry["event"] for entry in read(tmp_path)] == ["first", *["next"] * (length // 50 + 1)]
    assert holds(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_burst_or_a_record_that_fails_leaves_the_log_as_it_was(
    tmp_path: Path, failing_write: Fail, number: int
) -> None:
    log = AuditLogger(str(tmp_path))
    log.log_event("first")
    before = log.path.read_bytes()
    for offset in (0, 1, 500, 50_000):
        failing_write(offset, number)
        with pytest.raises(StorageError):
            log.log_events([("x", {"filling": "x" * 1000})] * 100)
        assert log.path.read_bytes() == before
    failing_write(10, number)
    with pytest.raises(StorageError):
        log.close_run()
    assert log.path.read_bytes() == before
    log.close_run()
    assert verify_audit_log(str(log.path)).state == "closed"


def test_a_sync_that_fails_ends_this_writer_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdatasync
    broken: list[bool] = []

    def sync(handle: int) -> None:
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fdatasync", sync)
    log = AuditLogger(str(tmp_path))
    log.log_event("one")
    broken.append(True)
    with pytest.raises(StorageError, match="to disk"):
        log.log_event("two")
    broken.clear()
    for attempt in (lambda: log.log_event("three"), log.checkpoint, log.close_run):
        with pytest.raises(StorageError, match="takes no more lines"):
            attempt()
    AuditLogger(str(tmp_path)).close_run()
    assert [entry["event"] for entry in read(tmp_path)] == ["one", "run.closed"]
    assert holds(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    filling = small_disk / "filling"
    filling.write_bytes(b"x" * 20_000)
    log = AuditLogger(str(small_disk))
    written = 0
    with pytest.raises(StorageError, match="No space left"):
        while True:
            log.log_event("x", number=written, filling="x" * 900)
            written += 1
    before = log.path.read_bytes()
    with pytest.raises(StorageError):
        log.log_events([("y", {"filling": "x" * 900})] * 5)
    assert log.path.read_bytes() == before
    filling.unlink()
    log.log_event("x", number=written)
    log.close_run()
    assert [entry.get("number") for entry in read(small_disk)] == [*range(written + 1), None]
    assert verify_audit_log(str(log.path)).state == "closed"


def write_and_exit(folder: Path, name: str, events: int) -> None:
    status = 1
    try:
        log = AuditLogger(str(folder), run_id=name)
        for number in range(events):
            log.log_event("load.step", number=number)
        log.close_run()
        status = 0
    finally:
        os._exit(status)


def write_together(folder: Path, writers: int, events: int, kills: int) -> None:
    children = []
    for writer in range(writers):
        child = os.fork()
        if child == 0:
            write_and_exit(folder, f"run-{writer}", events)
        children.append(child)
    chance = random.Random(3)
    for child in children[:kills]:
        time.sleep(chance.uniform(0.01, 0.2))
        os.kill(child, signal.SIGKILL)
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert ended[kills:] == [0] * (writers - kills)
    AuditLogger(str(folder)).close_run()
    entries = read(folder)
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    for writer in range(kills, writers):
        found = [entry["number"] for entry in entries if entry["run_id"] == f"run-{writer}" and "number" in entry]
        assert found == list(range(events))
    assert verify_audit_log(str(folder / "audit_log.jsonl")).state == "closed"


def test_writers_together_some_of_them_killed(tmp_path: Path) -> None:
    write_together(tmp_path, 6, 60, 2)


@pytest.mark.torture
@pytest.mark.parametrize("kills", [0, 4])
def test_sixteen_writers_of_a_thousand_events(tmp_path: Path, kills: int) -> None:
    write_together(tmp_path, 16, 1000, kills)
