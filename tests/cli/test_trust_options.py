"""The shared options mean the same for every command that has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.cli.bundle import bundle, verify
from forgelm.cli.main import run
from forgelm.cli.sign import sign
from forgelm.cli.verify import verify_audit
from forgelm.evidence.ledger import AuditLogger

KNOWN = {"anchors", "min_size", "hmac_secret_env"}


def test_both_verifying_commands_have_the_same_options() -> None:
    found = [
        {p.name: p.to_info_dict() for p in command.params if p.name in KNOWN} for command in (verify, verify_audit)
    ]
    assert found[0] == found[1]
    assert found[0].keys() == KNOWN
    assert all("password_env" in {p.name for p in command.params} for command in (bundle, sign))


@pytest.mark.parametrize("command", ["verify", "verify-audit"])
def test_too_short_a_log_and_a_missing_anchor_are_refused_by_both(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    log = AuditLogger(str(tmp_path))
    log.log_event("x")
    target = str(log.path if command == "verify-audit" else tmp_path)
    assert run([command, target, "--min-size", "1"]) == 0
    assert run([command, target, "--min-size", "2"]) == 6
    assert run([command, target, "--min-size", "-1"]) == 1
    assert run([command, target, "--anchor", str(tmp_path / "gone")]) == 1
    assert "Traceback" not in capsys.readouterr().err
