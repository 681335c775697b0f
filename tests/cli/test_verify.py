"""The two verifiers: 0 when all holds, 6 when something was compared and differs, 1 when it cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import Finished

from forgelm.cli.main import run
from forgelm.evidence.anchor import read_anchors
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.ledger import AuditLogger


@pytest.fixture
def log(tmp_path: Path) -> Path:
    logger = AuditLogger(str(tmp_path))
    for number in range(3):
        logger.log_event("test.event", number=number)
    return tmp_path / "audit_log.jsonl"


def test_a_finished_run_verifies(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify-audit", str(finished.root / "audit_log.jsonl")]) == 0
    assert capsys.readouterr().out.startswith("OK: ")
    assert run(["verify-integrity", str(finished.root / "final_model"), "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["valid"] is True
    assert reply["verified_count"] >= 6


def test_an_edited_line_is_exit_6_with_its_number(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_text(log.read_text().replace('"number": 1', '"number": 7'))
    assert run(["verify-audit", str(log), "--output-format", "json"]) == 6
    reply = json.loads(capsys.readouterr().out)
    assert reply["success"] is reply["valid"] is False
    assert reply["errors"][0].startswith("line 3: ")


@pytest.mark.parametrize("arguments", [["--require-hmac"], ["--require-hmac", "--hmac-secret-env", "UNSET_NAME"]])
def test_a_required_secret_that_is_not_set_is_the_callers_mistake(
    log: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORGELM_AUDIT_SECRET", raising=False)
    assert run(["verify-audit", str(log), *arguments]) == 1


def test_hmac_is_checked_when_the_secret_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "a secret of some length")
    AuditLogger(str(tmp_path)).log_event("test.event")
    log = str(tmp_path / "audit_log.jsonl")
    assert run(["verify-audit", log, "--require-hmac"]) == 0
    assert "HMAC validated" in capsys.readouterr().out
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "another secret of some length")
    assert run(["verify-audit", log]) == 6
    monkeypatch.setenv("ARCHIVED_SECRET", "a secret of some length")
    assert run(["verify-audit", log, "--hmac-secret-env", "ARCHIVED_SECRET", "--require-hmac"]) == 0


def test_an_open_log_is_called_open_and_a_closed_one_may_be_asked_for(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify-audit", str(log)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("OPEN: 3 entries verified; the log does not end with a closing record")
    assert "not proven:\n  - That nothing was removed from the end." in out
    assert run(["verify-audit", str(log), "--require-closed", "--output-format", "json"]) == 6
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["valid"], reply["state"]) == (False, True, "open")
    AuditLogger(str(log.parent)).close_run()
    assert run(["verify-audit", str(log), "--require-closed"]) == 0
    assert capsys.readouterr().out.startswith("OK: 4 entries verified; the log is closed")


def test_the_sealed_model_contradicts_a_log_that_lost_its_end(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = finished.root / "final_model"
    shorter = tmp_path / "audit_log.jsonl"
    lines = (finished.root / "audit_log.jsonl").read_bytes().splitlines(keepends=True)
    for anchor in (model / "model_integrity.json", model / "README.md"):
        arguments = ["--anchor", str(anchor), "--output-format", "json"]
        assert run(["verify-audit", str(finished.root / "audit_log.jsonl"), *arguments]) == 0
        covered = json.loads(capsys.readouterr().out)["anchored"]
        assert 3 < covered < len(lines)
        shorter.write_bytes(b"".join(lines[: covered - 1]))
        assert run(["verify-audit", str(shorter)]) == 0
        assert run(["verify-audit", str(shorter), "--anchor", str(anchor)]) == 6
        assert f"knows {covered} lines, and the log has {covered - 1}: lines were removed" in capsys.readouterr().out


def test_what_a_run_returns_covers_its_whole_log(finished: Finished, tmp_path: Path) -> None:
    kept = tmp_path / "result.json"
    kept.write_text(json.dumps({"audit_log": finished.result.audit_log}))
    log = str(finished.root / "audit_log.jsonl")
    assert verify_audit_log(log, anchors=read_anchors(str(kept))).anchored == verify_audit_log(log).entries_count
    assert verify_audit_log(log).state == "closed"
    assert verify_audit_log(log).notices == ()


def test_a_size_a_key_and_an_anchor_are_checked(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify-audit", str(log), "--min-size", "3"]) == 0
    assert run(["verify-audit", str(log), "--min-size", "4"]) == 6
    assert run(["verify-audit", str(log), "--min-size", "-1"]) == 1
    assert run(["verify-audit", str(log), "--anchor", str(log.parent / "none")]) == 1
    assert run(["verify-audit", str(log), "--anchor", str(log)]) == 1
    assert run(["verify-audit", str(log), "--key", "nothing"]) == 1
    assert run(["keys", "generate", "--name", "me", "--file", str(log.parent / "k.pem")]) == 0
    capsys.readouterr()
    assert run(["verify-audit", str(log), "--key", str(log.parent / "k.pub")]) == 6
    assert "no record in the log is signed by a trusted key" in capsys.readouterr().out


def test_an_empty_log_was_not_compared(tmp_path: Path) -> None:
    (tmp_path / "audit_log.jsonl").write_text("")
    assert run(["verify-audit", str(tmp_path / "audit_log.jsonl")]) == 1


def test_a_changed_removed_or_added_file_is_exit_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    write_integrity_manifest(tmp_path)
    (tmp_path / "a").write_text("changed")
    (tmp_path / "b").unlink()
    (tmp_path / "c").write_text("new")
    assert run(["verify-integrity", str(tmp_path), "--output-format", "json"]) == 6
    reply = json.loads(capsys.readouterr().out)
    assert (reply["changed"], reply["removed"], reply["added"]) == (["a"], ["b"], ["c"])
    assert run(["verify-integrity", str(tmp_path)]) == 6
    assert "added: c" in capsys.readouterr().out


def test_a_folder_without_a_manifest_was_not_compared(tmp_path: Path) -> None:
    assert run(["verify-integrity", str(tmp_path)]) == 1
