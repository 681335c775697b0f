import hashlib
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, IntegrityError, StorageError
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.checkpoint import Checkpoint, log_origin, parse_checkpoint, read_checkpoint
from forgelm.evidence.keys import generate_key
from forgelm.evidence.ledger import AuditLogger
from forgelm.evidence.merkle import hash_leaf, merkle_root
from forgelm.evidence.note import check_note

SECRET = "a secret of some length"
APPEND_100 = """
import sys
from forgelm.evidence.ledger import AuditLogger
log = AuditLogger(sys.argv[1], run_id=sys.argv[2])
for number in range(100):
    log.log_event("load.step", number=number)
"""
NO_ROOM_FOR_THE_PIN = """
import os, resource, sys
from forgelm.base.errors import StorageError
from forgelm.evidence.ledger import AuditLogger
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
log = AuditLogger(sys.argv[1], run_id="r")
resource.setrlimit(resource.RLIMIT_FSIZE, (160, unlimited[1]))
try:
    log.log_event("x")
    sys.exit("acknowledged")
except StorageError as error:
    assert "manifest" in str(error), error
assert log.path.read_bytes() == b""
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
log.log_event("x")
print(sorted(os.listdir(sys.argv[1])))
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)
    monkeypatch.delenv("FORGELM_ALLOW_AUDIT_REROOT", raising=False)


def entries(folder):
    return [json.loads(line) for line in (Path(folder) / "audit_log.jsonl").read_bytes().splitlines()]


def is_valid(folder, **options):
    return verify_audit_log(str(Path(folder) / "audit_log.jsonl"), **options).valid


def run_python(script, *arguments):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], env=environ, stdout=subprocess.PIPE)


def test_a_line_is_the_envelope_then_the_details_in_call_order(tmp_path):
    log = AuditLogger(output_dir=str(tmp_path / "new" / "folder"))
    log.log_event("training.started", zeta=1, alpha={"é": [1.5, None, True]}, path=Path("a/b"))
    log.log_event("pipeline.completed")
    text = log.path.read_text("ascii")
    first, second = entries(log.path.parent)
    assert text == "".join(json.dumps(entry) + "\n" for entry in (first, second))
    envelope = ["timestamp", "run_id", "operator", "event", "prev_hash", "seq"]
    assert list(first) == [*envelope, "zeta", "alpha", "path"]
    assert (first["prev_hash"], first["seq"], second["seq"]) == ("genesis", 1, 2)
    assert first["alpha"] == {"é": [1.5, None, True]}
    assert first["path"] == "a/b"
    assert re.fullmatch(r"fg-[0-9a-f]{12}", log.run_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", first["timestamp"])
    assert abs(datetime.now().timestamp() - datetime.fromisoformat(first["timestamp"]).timestamp()) < 60
    assert log.path == tmp_path / "new" / "folder" / "audit_log.jsonl"


def test_what_json_cannot_say_is_said_otherwise_before_it_is_hashed(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x", loss=float("nan"), deep=[{"a": float("-inf")}], kind=ValueError("why"), names={"b", "a"})

    def refuse(constant):
        raise AssertionError(constant)

    entry = json.loads(log.path.read_text(), parse_constant=refuse)
    assert (entry["loss"], entry["deep"], entry["kind"], entry["names"]) == (None, [{"a": None}], "why", ["a", "b"])
    circle = []
    circle.append(circle)
    with pytest.raises(ValueError, match="contains itself"):
        log.log_event("x", circle=circle)
    assert is_valid(tmp_path)


def test_secrets_do_not_reach_the_log(tmp_path):
    token = "hf_" + "a1B2" * 8
    log = AuditLogger(str(tmp_path))
    log.log_event("x", error=OSError(f"401 for {token}"), auth={"api_key": "abc"}, text=f"see {token}", n=[f"{token}"])
    assert token not in log.path.read_text()
    assert entries(tmp_path)[0]["auth"]["api_key"] != "abc"
    assert is_valid(tmp_path)


def test_an_event_too_long_for_the_log_is_refused(tmp_path):
    log = AuditLogger(str(tmp_path))
    with pytest.raises(ValueError, match="16 MiB"):
        log.log_event("x", filling="x" * (16 << 20))
    log.log_event("y")
    assert [entry["seq"] for entry in entries(tmp_path)] == [1]


@pytest.mark.parametrize("key", ["timestamp", "run_id", "operator", "prev_hash", "seq", "_hmac"])
def test_details_cannot_replace_the_envelope(tmp_path, key):
    log = AuditLogger(str(tmp_path))
    with pytest.raises(ValueError, match=f"'{key}'"):
        log.log_event("x", **{key: "forged"})
    with pytest.raises(ValueError, match=f"'{key}'"):
        log.log_event("x", **{key: None})
    assert not log.path.exists()


def test_details_may_repeat_the_envelope(tmp_path):
    log = AuditLogger(str(tmp_path), run_id="fg-1")
    log.log_event("human_approval.required", gate="final_model", run_id="fg-1", operator="tester")
    assert list(entries(tmp_path)[0]) == ["timestamp", "run_id", "operator", "event", "prev_hash", "seq", "gate"]


def test_a_logger_without_events_leaves_no_log(tmp_path):
    AuditLogger(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="run_id"):
        AuditLogger(str(tmp_path), run_id="")
    with pytest.raises(ValueError, match="name"):
        AuditLogger(str(tmp_path)).log_event("")


def test_several_runs_share_one_chain_with_their_own_keys(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    first, second = AuditLogger(str(tmp_path), run_id="one"), AuditLogger(str(tmp_path), run_id="two")
    for number in range(3):
        first.log_event("x", n=number)
        second.log_event("y", n=number)
    assert [entry["seq"] for entry in entries(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert is_valid(tmp_path, hmac_secret=SECRET, require_hmac=True)


def test_a_short_secret_is_named(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "short")
    with caplog.at_level(logging.WARNING, "forgelm"):
        AuditLogger(str(tmp_path)).log_event("x")
    assert "FORGELM_AUDIT_SECRET" in caplog.text
    assert "short" not in caplog.text
    assert is_valid(tmp_path, hmac_secret="short", require_hmac=True)


def test_a_tagged_log_is_not_continued_so_that_it_would_fail_its_check(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET)
    AuditLogger(str(tmp_path)).log_event("x")
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", SECRET + "?")
    with pytest.raises(IntegrityError, match="does not match"):
        AuditLogger(str(tmp_path))
    monkeypatch.delenv("FORGELM_AUDIT_SECRET")
    with pytest.raises(ConfigError) as refused:
        AuditLogger(str(tmp_path))
    assert "FORGELM_AUDIT_SECRET" in refused.value.hint


def test_threads_write_one_chain(tmp_path):
    log = AuditLogger(str(tmp_path))
    threads = [threading.Thread(target=lambda: [log.log_event("x", n=n) for n in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry["seq"] for entry in entries(tmp_path)] == list(range(1, 101))
    assert is_valid(tmp_path)


def test_processes_write_one_chain(tmp_path):
    children = [run_python(APPEND_100, tmp_path, f"run-{number}") for number in range(4)]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    for child in children:
        child.stdout.close()
    found = entries(tmp_path)
    assert [entry["seq"] for entry in found] == list(range(1, 401))
    for run_id in ("run-0", "run-3"):
        assert [entry["number"] for entry in found if entry["run_id"] == run_id] == list(range(100))
    assert is_valid(tmp_path)


def test_interrupts_at_any_moment_leave_an_intact_chain(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x", n=0)
    started = time.perf_counter()
    log.log_event("x", n=0)
    usual = time.perf_counter() - started
    chance = random.Random(3)
    acknowledged, interrupted = [], 0
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for number in range(1, 201):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, usual))
                log.log_event("x", n=number)
                acknowledged.append(number)
                time.sleep(usual)
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    log.log_event("end")
    assert interrupted > 20
    assert set(acknowledged) <= {entry.get("n") for entry in entries(tmp_path)}
    assert is_valid(tmp_path)


def test_a_signal_handler_that_logs_in_the_middle_of_an_event_is_refused_not_left_hanging(tmp_path):
    log = AuditLogger(str(tmp_path))
    refused = []

    def handle(number, frame):
        try:
            log.log_event("handler")
        except RuntimeError as error:
            refused.append(error)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        for _ in range(200):
            signal.setitimer(signal.ITIMER_REAL, 50e-6)
            log.log_event("x")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert refused
    assert is_valid(tmp_path)


def test_a_forked_child_makes_its_own_logger(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("parent")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            try:
                log.log_event("shared")
            except RuntimeError as error:
                AuditLogger(str(tmp_path)).log_event("child", said=str(error))
                status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.log_event("parent")
    assert [entry["event"] for entry in entries(tmp_path)] == ["parent", "child", "parent"]
    assert is_valid(tmp_path)


def test_no_room_for_the_manifest_is_no_first_event(tmp_path):
    child = run_python(NO_ROOM_FOR_THE_PIN, tmp_path)
    assert child.communicate(timeout=60)[0] == b"['audit_log.jsonl', 'audit_log.jsonl.manifest.json']\n"
    assert is_valid(tmp_path)


def test_a_kill_between_the_first_event_and_its_manifest_is_made_good(tmp_path):
    log = AuditLogger(str(tmp_path), run_id="first")
    log.log_event("x")
    pin = tmp_path / "audit_log.jsonl.manifest.json"
    before = json.loads(pin.read_text())
    pin.unlink()
    AuditLogger(str(tmp_path), run_id="second")
    after = json.loads(pin.read_text())
    assert {**after, "created_at": None} == {**before, "created_at": None}
    assert after["run_id"] == "first"


@pytest.mark.parametrize("gone", ["removed", "emptied", "torn"])
def test_a_wiped_log_is_not_begun_again_unless_allowed_and_then_on_the_record(tmp_path, monkeypatch, gone):
    log = AuditLogger(str(tmp_path), run_id="old")
    log.log_event("x")
    pinned = json.loads((tmp_path / "audit_log.jsonl.manifest.json").read_text())["first_entry_sha256"]
    log.path.unlink() if gone == "removed" else log.path.write_bytes(b"torn" if gone == "torn" else b"")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="manifest"):
        AuditLogger(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.setenv("FORGELM_ALLOW_AUDIT_REROOT", "1")
    AuditLogger(str(tmp_path), run_id="new").log_event("y")
    first = entries(tmp_path)[0]
    assert (first["event"], first["pinned_sha256"], first["pinned_run_id"]) == ("log.rerooted", pinned, "old")
    assert entries(tmp_path)[-1]["event"] == "y"
    assert is_valid(tmp_path)


def test_a_log_wiped_between_construction_and_the_first_event_is_noticed(tmp_path):
    late = AuditLogger(str(tmp_path))
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    log.path.unlink()
    with pytest.raises(ConfigError, match="manifest"):
        late.log_event("y")
    time.sleep(0.002)  # it looks for the name once in a millisecond
    with pytest.raises(StorageError, match="while it was being written"):
        log.log_event("z")


def test_an_exchanged_log_is_refused(tmp_path, monkeypatch):
    AuditLogger(str(tmp_path / "a")).log_event("x")
    AuditLogger(str(tmp_path / "b")).log_event("x")
    os.replace(tmp_path / "b" / "audit_log.jsonl", tmp_path / "a" / "audit_log.jsonl")
    with pytest.raises(IntegrityError, match="first line"):
        AuditLogger(str(tmp_path / "a"))
    monkeypatch.setenv("FORGELM_ALLOW_AUDIT_REROOT", "1")
    AuditLogger(str(tmp_path / "a"))
    assert [entry["event"] for entry in entries(tmp_path / "a")] == ["x", "log.rerooted"]
    assert is_valid(tmp_path / "a")


@pytest.mark.parametrize("line", [b"{broken}", b"[1]", b"\xff\xfe", b""])
def test_a_whole_line_that_is_corrupt_is_refused_and_left_alone(tmp_path, line):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    with log.path.open("ab") as stream:
        stream.write(line + b"\n")
    before = log.path.read_bytes()
    with pytest.raises(IntegrityError, match="cannot be continued"):
        AuditLogger(str(tmp_path))
    with pytest.raises(IntegrityError, match="cannot be continued"):
        log.log_event("y")
    assert log.path.read_bytes() == before


def test_a_damaged_manifest_is_refused(tmp_path):
    AuditLogger(str(tmp_path)).log_event("x")
    (tmp_path / "audit_log.jsonl.manifest.json").write_text("{")
    with pytest.raises(IntegrityError, match="not JSON"):
        AuditLogger(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError):
        AuditLogger(str(tmp_path)).log_event("x")


def test_a_folder_that_is_a_file_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        AuditLogger(str(tmp_path / "file" / "run"))


def test_the_log_follows_neither_a_change_of_folder_nor_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = AuditLogger("run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log.log_event("x")
    assert len(entries(tmp_path / "run")) == 1


def root_of(path, size):
    return merkle_root([hash_leaf(line) for line in path.read_bytes().splitlines()[:size]]).hex()


def test_a_closed_run_names_how_many_lines_came_before_and_their_root(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    first = log.checkpoint()
    log.log_event("y")
    closed = log.close_run()
    assert (first, closed) == (Checkpoint(2, root_of(log.path, 2)), Checkpoint(4, root_of(log.path, 4)))
    records = [entry for entry in entries(tmp_path) if "count" in entry]
    assert [(record["event"], record["count"], record["root"]) for record in records] == [
        ("log.checkpoint", 1, root_of(log.path, 1)),
        ("run.closed", 3, root_of(log.path, 3)),
    ]
    assert [(record["signed_by"], record["note"]) for record in records] == [(None, None)] * 2
    origin, beside, note = parse_checkpoint(read_checkpoint(log.path))
    assert (origin, beside, note.signatures) == (log_origin(sha(log.path, 0)), closed, ())
    again = AuditLogger(str(tmp_path))
    again.log_event("z")
    assert again.close_run() == Checkpoint(6, root_of(log.path, 6))
    assert verify_audit_log(str(log.path)).state == "closed"


def sha(path, number):
    return hashlib.sha256(path.read_bytes().splitlines()[number]).hexdigest()


def test_records_are_signed_where_there_is_a_key(tmp_path, monkeypatch):
    key = generate_key(tmp_path / "key.pem", "me").public
    monkeypatch.setenv("FORGELM_SIGNING_KEY", str(tmp_path / "key.pem"))
    log = AuditLogger(str(tmp_path / "run"))
    log.log_event("x")
    closed = log.close_run()
    record = entries(tmp_path / "run")[-1]
    assert record["signed_by"] == key.text
    for text, expected in ((record["note"], Checkpoint(1, record["root"])), (read_checkpoint(log.path), closed)):
        _, checkpoint, note = parse_checkpoint(text)
        assert checkpoint == expected
        assert check_note(note, [key]) == (key,)
    monkeypatch.setenv("FORGELM_SIGNING_KEY", str(tmp_path / "gone.pem"))
    with pytest.raises(ConfigError, match="No such file"):
        AuditLogger(str(tmp_path / "run"))


def test_a_log_without_events_closes_to_nothing(tmp_path):
    assert AuditLogger(str(tmp_path)).close_run().size == 0
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("event", ["run.closed", "log.checkpoint"])
def test_nobody_else_writes_the_records(tmp_path, event):
    with pytest.raises(ValueError, match="close_run"):
        AuditLogger(str(tmp_path)).log_event(event, count=0, root="0" * 64)


def test_many_events_take_one_sync_and_are_all_there_or_none(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_events([])
    log.log_events([("x", {"n": 0}), ("y", {}), ("x", {"n": 2, "run_id": log.run_id})])
    with pytest.raises(ValueError, match="'seq'"):
        log.log_events([("x", {}), ("x", {"seq": 1})])
    with pytest.raises(ValueError, match="16 MiB"):
        log.log_events([("x", {}), ("x", {"filling": "x" * (16 << 20)})])
    log.log_events([("z", {"filling": "x" * 50_000}) for _ in range(20)])
    assert [entry["seq"] for entry in entries(tmp_path)] == list(range(1, 24))
    assert is_valid(tmp_path)


def test_a_log_that_was_shortened_is_not_continued(tmp_path, monkeypatch):
    log = AuditLogger(str(tmp_path))
    for _ in range(3):
        log.log_event("x")
    log.close_run()
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:2]))
    with pytest.raises(IntegrityError, match="had 4 lines and has 2"):
        AuditLogger(str(tmp_path))
    monkeypatch.setenv("FORGELM_ALLOW_AUDIT_REROOT", "1")
    AuditLogger(str(tmp_path)).log_event("y")
    assert [entry["event"] for entry in entries(tmp_path)] == ["x", "x", "log.rerooted", "y"]
    assert is_valid(tmp_path)


def test_no_checkpoint_is_made_that_contradicts_an_earlier_one(tmp_path):
    log = AuditLogger(str(tmp_path))
    log.log_events([("x", {"n": number}) for number in range(3)])
    log.close_run()
    first, *rest = log.path.read_bytes().splitlines(keepends=True)
    head, forged = first[:-1], []
    for line in rest:
        entry = json.loads(line) | {"prev_hash": hashlib.sha256(head).hexdigest()}
        head = json.dumps(entry | ({"n": 9} if "n" in entry else {})).encode()
        forged.append(head + b"\n")
    log.path.write_bytes(b"".join([first, *forged]))
    again = AuditLogger(str(tmp_path))
    again.log_event("y")
    with pytest.raises(IntegrityError, match="first 4 lines are not those"):
        again.close_run()


def test_the_library_page_s_snippet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORGELM_OPERATOR", "airflow:dag-1234:run-5678")
    logger = AuditLogger(output_dir="outputs/dag-1234")
    logger.log_event("training.started", trainer_type="sft", model="meta-llama/Llama-3.1-8B-Instruct")
    logger.log_event("pipeline.completed", exit_code=0, duration_seconds=4218.7, metrics_summary={"eval_loss": 0.43})
    first, second = entries("outputs/dag-1234")
    assert first["operator"] == "airflow:dag-1234:run-5678"
    assert (second["duration_seconds"], second["metrics_summary"]) == (4218.7, {"eval_loss": 0.43})
