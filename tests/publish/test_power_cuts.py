"""Every state that a power cut can leave of a decision or an erasure is one of before and after, once settled."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from crash_states import Recording, State, count_states, crash_states, record
from held import RUN, hold, seal, stage

from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.evidence.approval import CaseStatus, read_cases
from forgelm.evidence.approval_check import verify_approvals
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.emit import emit_to
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.journal import finish_erasures
from forgelm.evidence.erasure.purge import PurgeKind, RowOrder, purge_row, purge_run
from forgelm.evidence.ledger import AuditLogger
from forgelm.gate.verdict import GateResult, GateStatus, Verdict
from forgelm.publish.approvals import list_pending
from forgelm.publish.decide import approve_run, reject_run, revoke_run
from forgelm.publish.moves import move_to_final
from forgelm.publish.promote import Disposition, promote, settle

PASSED = Verdict((GateResult("loss", GateStatus.PASSED, "low", 1.0),))
FAILED = Verdict((GateResult("loss", GateStatus.FAILED, "high", 3.0, 2.0, "threshold"),))
ROWS = b'{"id": "a"}\r\n{"id": "b", "t": "' + b"x" * 700 + b'"}\r\n{"id": "c"}\n'
LEFT = b'{"id": "a"}\r\n{"id": "c"}\n'
SAMPLE = 25


@pytest.fixture(autouse=True)
def _operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-keys"))


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what is simulated here is the disk."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def ready(root: Path) -> RunFiles:
    """A model waits, another is final, and a corpus lies in the folder."""
    files = hold(root)
    stage(files, "fg-old")
    move_to_final(files, "fg-old")
    (root / "rows.jsonl").write_bytes(ROWS)
    return files


def approve(files: RunFiles) -> None:
    approve_run(str(files.root), RUN)


def reject(files: RunFiles) -> None:
    reject_run(str(files.root), RUN)


def revoke(files: RunFiles) -> None:
    revoke_run(str(files.root), RUN)


def publish(files: RunFiles) -> None:
    promote(files, RUN, PASSED, Disposition.PROMOTED, emit_to(AuditLogger(str(files.root), RUN)))


def refuse(files: RunFiles) -> None:
    promote(files, RUN, FAILED, Disposition.REFUSED, emit_to(AuditLogger(str(files.root), RUN)))


def erase_row(files: RunFiles) -> None:
    purge_row(RowOrder("b", str(files.root / "rows.jsonl")))


def erase_run(files: RunFiles) -> None:
    purge_run(str(files.root), RUN, PurgeKind.STAGING)


ACTS: dict[str, Callable[[RunFiles], None]] = {
    "approve": approve,
    "reject": reject,
    "revoke": revoke,
    "publish": publish,
    "refuse": refuse,
    "erase a row": erase_row,
    "erase a run": erase_run,
}


def run(root: Path, name: str) -> Recording:
    files = ready(root)
    if name == "revoke":
        approve(files)
    with record(root) as recording:
        ACTS[name](files)
        recording.mark("done")
    return recording


def problems(state: State, root: Path, name: str) -> list[str]:
    """Settle the state as the next command does, and say what is neither before nor after."""
    state.write(root)
    files = RunFiles(root)
    settle(files)
    finish_erasures(files)
    logger = AuditLogger(str(root), "fg-after")
    logger.close_run()
    logger.close()
    found = [] if verify_audit_log(str(files.audit_log)).valid else ["the log does not hold"]
    events = [entry.event for entry in read_entries(files.audit_log, list(Event)) if entry.run_id == RUN]
    happened = {
        "approve": Event.MODEL_PROMOTED,
        "publish": Event.MODEL_PROMOTED,
        "reject": Event.MODEL_QUARANTINED,
        "revoke": Event.MODEL_QUARANTINED,
        "refuse": Event.MODEL_QUARANTINED,
        "erase a run": Event.ERASURE_COMPLETED,
    }.get(name) in events
    if name == "erase a row":
        return found + _row_problems(files, "done" in state.marks)
    if "done" in state.marks and not happened:
        found.append("what was acknowledged is lost")
    return found + _model_problems(files, name, happened)


def settling(state: State, root: Path) -> Recording:
    state.write(root)
    with record(root) as recording:
        settle(RunFiles(root))
        finish_erasures(RunFiles(root))
    return recording


def _row_problems(files: RunFiles, acknowledged: bool) -> list[str]:
    data = (files.root / "rows.jsonl").read_bytes()
    ends = [entry.event for entry in read_entries(files.audit_log, [Event.ERASURE_COMPLETED, Event.ERASURE_FAILED])]
    found = [] if data in (ROWS, LEFT) else ["half a corpus"]
    found += ["an acknowledged erasure is undone"] if acknowledged and data != LEFT else []
    found += ["the log is wrong"] if ends and (ends[-1] == Event.ERASURE_COMPLETED) != (data == LEFT) else []
    return found + [f"{path.name} is left" for path in files.root.glob(".rows*")]


def _model_problems(files: RunFiles, name: str, happened: bool) -> list[str]:
    case = read_cases(files.audit_log)[RUN]
    quarantined = files.quarantine(RUN) / "final_model"
    places = [
        place
        for place in (files.staging(RUN), files.final_model, quarantined)
        if seal(place) == case.model_root and (place / "adapter_model.safetensors").exists()
    ]
    after = {"approve": files.final_model, "publish": files.final_model, "erase a run": None}.get(name, quarantined)
    before = files.final_model if name == "revoke" else files.staging(RUN)
    wanted = after if happened else before
    found = [] if places == ([wanted] if wanted else []) else [f"the model is in {[place.name for place in places]}"]
    if name in ("approve", "reject", "revoke"):
        status = {"approve": "granted", "reject": "rejected", "revoke": "revoked"}[name]
        other = CaseStatus.GRANTED if name == "revoke" else CaseStatus.PENDING
        found += [] if case.status == (status if happened else other) else [f"status {case.status}"]
        found += [problem for check in verify_approvals(files.audit_log) for problem in check.problems]
        waiting = [model.run_id for model in list_pending(str(files.root))]
        found += [] if (waiting == [RUN]) == (case.status is CaseStatus.PENDING) else [f"waiting: {waiting}"]
    olds = [files.final_model, files.superseded(RUN)]
    kept = [path for path in olds if "fg-old" in _text(path / "adapter_model.safetensors")]
    return found + ([] if len(kept) == 1 else ["the model before is lost"])


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("name", ACTS)
def test_a_sample_of_states_settles_to_before_or_after(name: str, memory: Path) -> None:
    states = list(crash_states(run(memory / "state", name)))
    for state in random.Random(7).sample(states, min(SAMPLE, len(states))):
        assert problems(state, memory / "state", name) == []


def test_a_second_cut_brings_back_nothing_that_was_swept(memory: Path) -> None:
    root = memory / "state"
    states = crash_states(run(root, "erase a row"))
    left = [state for state in states if any(name.startswith(".rows") for name in state.names)]
    assert left
    for state in random.Random(7).sample(left, min(4, len(left))):
        for second in crash_states(settling(state, root)):
            assert problems(State(second.names, second.contents, state.marks), root, "erase a row") == []


@pytest.mark.torture
def test_every_state_settles_to_before_or_after(memory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the states of a second power cut, while the next command settles what the first one left."""
    enumerated = distinct = 0
    for name in ACTS:
        root = memory / "state"
        recording = run(root, name)
        enumerated += count_states(recording)
        for state in crash_states(recording):
            distinct += 1
            assert problems(state, root, name) == [], (name, state.marks)
            again = settling(state, root)
            enumerated += count_states(again)
            for second in crash_states(again):
                distinct += 1
                after = State(second.names, second.contents, state.marks)
                assert problems(after, root, name) == [], (name, "settling", state.marks)
        shutil.rmtree(root)
    with capsys.disabled():
        print(f"\n{enumerated} crash states of decisions and erasures, {distinct} different: 0 violations")  # noqa: T201
    assert distinct > 2000
