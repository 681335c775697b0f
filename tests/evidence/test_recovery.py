import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.recovery import mark_reported, quarantine, unreported

APPEND_FOR_EVER = """
import os, sys
from forgelm.evidence.ledger import AuditLogger
log = AuditLogger(sys.argv[1], run_id=sys.argv[2])
number = 0
while True:
    log.log_event("load.step", number=number, filling="x" * int(sys.argv[3]))
    os.write(1, b"%d\\n" % number)
    number += 1
"""


@pytest.fixture(autouse=True)
def operator(monkeypatch):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)


def entries(folder):
    return [json.loads(line) for line in (folder / "audit_log.jsonl").read_bytes().splitlines()]


def start(folder, run_id, filling):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", APPEND_FOR_EVER, str(folder), run_id, str(filling)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE)


def kill_after(child, seconds):
    """Return the numbers it acknowledged before it died."""
    first = child.stdout.readline()
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    acknowledged = first + child.communicate()[0]
    return [int(line) for line in acknowledged.split(b"\n")[:-1]]


def test_killed_writers_lose_nothing_acknowledged_and_the_log_always_opens(tmp_path):
    chance = random.Random(7)
    acknowledged = set()
    for turn in range(30):
        child = start(tmp_path, f"run-{turn}", 100_000 if turn % 2 else 10)
        acknowledged |= {(f"run-{turn}", number) for number in kill_after(child, chance.uniform(0, 0.03))}
    AuditLogger(str(tmp_path)).log_event("after.all")
    written = {(entry["run_id"], entry["number"]) for entry in entries(tmp_path) if entry["event"] == "load.step"}
    assert len(acknowledged) >= 30
    assert acknowledged <= written
    assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).valid


def test_others_go_on_when_a_writer_among_them_is_killed(tmp_path):
    children = [start(tmp_path, f"run-{number}", 20_000) for number in range(3)]
    acknowledged = set()
    for number, child in enumerate(children):
        acknowledged |= {(f"run-{number}", done) for done in kill_after(child, 0.1)}
    result = verify_audit_log(str(tmp_path / "audit_log.jsonl"))
    if not result.valid:
        assert "incomplete" in result.reason
        AuditLogger(str(tmp_path))
        assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).valid
    assert acknowledged <= {(entry["run_id"], entry.get("number")) for entry in entries(tmp_path)}


@pytest.mark.parametrize(("whole_lines", "step"), [(2, 1), (0, 9)])
def test_a_tail_torn_at_any_byte_is_kept_reported_and_the_log_goes_on(tmp_path, whole_lines, step):
    log = AuditLogger(str(tmp_path), run_id="r")
    for number in range(whole_lines + 1):
        log.log_event("x", n=number)
    log.close()
    *kept, last = log.path.read_bytes().splitlines(keepends=True)
    pin = tmp_path / "audit_log.jsonl.manifest.json"
    pinned = pin.read_bytes()
    for length in [*range(1, len(last), step), len(last) - 1]:
        for stale in tmp_path.iterdir():
            stale.unlink()
        log.path.write_bytes(b"".join(kept) + last[:length])
        if kept:
            pin.write_bytes(pinned)
        assert verify_audit_log(str(log.path)).first_invalid_index == whole_lines + 1
        AuditLogger(str(tmp_path), run_id="s").close()
        found = entries(tmp_path)
        assert len(found) == whole_lines + 1
        report = found[-1]
        assert (report["event"], report["size_bytes"]) == ("log.recovered", length)
        assert report["sha256"] == hashlib.sha256(last[:length]).hexdigest()
        assert (tmp_path / report["file"]).read_bytes() == last[:length]
        assert verify_audit_log(str(log.path)).valid


@pytest.mark.parametrize("step", ["kept", "cut", "reported"])
def test_a_crash_during_the_repair_itself_ends_in_one_report(tmp_path, step):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    whole = log.path.read_bytes()
    kept = quarantine(log.path, b"torn bytes")
    if step == "kept":
        log.path.write_bytes(whole + b"torn bytes")
    if step == "reported":
        AuditLogger(str(tmp_path))
        os.rename(tmp_path / "audit_log.jsonl.torn-1", kept)
    AuditLogger(str(tmp_path))
    AuditLogger(str(tmp_path))
    assert [entry["event"] for entry in entries(tmp_path)] == ["x", "log.recovered"]
    assert (tmp_path / "audit_log.jsonl.torn-1").read_bytes() == b"torn bytes"
    assert unreported(log.path) == []


def test_a_torn_report_of_torn_bytes_loses_neither(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    quarantine(log.path, b"first")
    with log.path.open("ab") as stream:
        stream.write(b'{"timestamp": "20')
    AuditLogger(str(tmp_path))
    reports = [entry for entry in entries(tmp_path) if entry["event"] == "log.recovered"]
    assert [(tmp_path / report["file"]).read_bytes() for report in reports] == [b"first", b'{"timestamp": "20']


def test_a_running_writer_repairs_what_another_left(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    with log.path.open("ab") as stream:
        stream.write(b"torn")
    log.log_event("y")
    assert [entry["event"] for entry in entries(tmp_path)] == ["x", "log.recovered", "y"]
    assert verify_audit_log(str(log.path)).valid


def test_a_hole_left_by_a_power_cut_is_a_torn_tail(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    with log.path.open("ab") as stream:
        stream.write(b'{"timestamp"' + b"\0" * 4096 + b"}\n")
    AuditLogger(str(tmp_path)).log_event("y")
    assert [entry["event"] for entry in entries(tmp_path)] == ["x", "log.recovered", "y"]


def test_kept_files_are_numbered_and_never_overwritten(tmp_path):
    log = tmp_path / "audit_log.jsonl"
    first = quarantine(log, b"a")
    assert quarantine(log, b"a") == first
    mark_reported(first)
    second = quarantine(log, b"b")
    assert (first.name, second.name) == ("audit_log.jsonl.torn-1.new", "audit_log.jsonl.torn-2.new")
    assert unreported(log) == [second]
    for number in range(3, 12):
        assert quarantine(log, b"%d" % number).name == f"audit_log.jsonl.torn-{number}.new"
    assert [path.read_bytes() for path in unreported(log)][-2:] == [b"10", b"11"]


def test_what_a_kill_left_half_written_beside_the_log_is_swept_by_the_next_open(tmp_path):
    AuditLogger(str(tmp_path)).log_event("x")
    names = ("manifest.json.0123", "checkpoint.4567", "torn-1.new.89ab")
    strays = [tmp_path / f".audit_log.jsonl.{name}.tmp" for name in names]
    others = [tmp_path / ".other.jsonl.manifest.json.0123.tmp", tmp_path / "audit_log.jsonl.tmp"]
    for path in (*strays, *others):
        path.write_bytes(b"half")
    AuditLogger(str(tmp_path)).log_event("y")
    assert [path.exists() for path in (*strays, *others)] == [False] * 3 + [True] * 2
    assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).valid


def test_a_stray_that_cannot_be_deleted_stops_nobody(tmp_path):
    AuditLogger(str(tmp_path)).log_event("x")
    (tmp_path / ".audit_log.jsonl.manifest.json.0123.tmp").mkdir()
    AuditLogger(str(tmp_path)).log_event("y")
    assert verify_audit_log(str(tmp_path / "audit_log.jsonl")).entries_count == 2
