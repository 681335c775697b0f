"""``sign`` and ``verify-signature`` from the command line: 0, 6 when something differs, 1 when it cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.cli.main import run
from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.ledger import AuditLogger

pytest.importorskip("cryptography", reason="needs the extra sign")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    root.mkdir()
    (root / "weights").write_bytes(b"w")
    write_integrity_manifest(root)
    generate_ec_key(tmp_path / "key.pem")
    return root


def test_a_model_is_signed_and_one_changed_byte_is_exit_6(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, public = str(model.parent / "key.pem"), str(model.parent / "key.pub")
    assert run(["sign", str(model), "--key", key]) == 0
    assert "signed: 2 files" in capsys.readouterr().out
    assert run(["verify-signature", str(model), "--key", public, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["verified_count"]) == (True, 2)
    assert run(["verify-integrity", str(model)]) == 0
    capsys.readouterr()
    (model / "weights").write_bytes(b"v")
    assert run(["verify-signature", str(model), "--key", public]) == 6
    assert "changed: weights" in capsys.readouterr().out
    assert run(["sign", str(model), "--key", key]) == 6


def test_what_cannot_be_asked_is_exit_1(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, public = str(model.parent / "key.pem"), str(model.parent / "key.pub")
    for arguments in (
        ["verify-signature", str(model), "--key", public],
        ["verify-signature", str(model / "nothing"), "--key", public],
        ["verify-signature", str(model / "weights"), "--key", public],
        ["verify-signature", str(model), "--key", key],
        ["verify-signature", str(model)],
        ["sign", str(model), "--key", public],
        ["sign", str(model / "nothing"), "--key", key],
    ):
        assert run(arguments) == 1, arguments
        assert capsys.readouterr().err.startswith("error: ")


def test_a_password_comes_from_the_environment(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    path = model.parent / "locked.pem"
    encryption = serialization.BestAvailableEncryption(b"open sesame")
    private = ec.generate_private_key(ec.SECP384R1())
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    path.chmod(0o600)
    assert run(["sign", str(model), "--key", str(path)]) == 1
    monkeypatch.setenv("MY_PASSWORD", "open sesame")
    assert run(["sign", str(model), "--key", str(path), "--password-env", "MY_PASSWORD"]) == 0


def test_a_run_s_test_report_is_signed_and_verify_checks_it(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORGELM_OPERATOR", "tester")
    root, key, public = model.parent, str(model.parent / "key.pem"), str(model.parent / "key.pub")
    AuditLogger(str(root)).log_event("x")
    report = root / "compliance" / "test_report.json"
    report.parent.mkdir()
    report.write_text('{"passed": true}')
    assert run(["sign", "--report", str(root), "--key", key, "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(report.with_name("test_report.json.sig"))
    assert find_check(root, capsys) == "not_checked"
    assert find_check(root, capsys, "--key", public) == "passed"
    report.write_text('{"passed": null}')
    assert find_check(root, capsys, "--key", public) == "failed"
    report.unlink()
    assert find_check(root, capsys) == "failed"
    assert run(["sign", "--report", str(root), "--key", key]) == 1
    assert run(["sign", "--report", str(root), str(model), "--key", key]) == 1
    assert run(["sign", "--key", key]) == 1


def find_check(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    capsys.readouterr()
    run(["verify", str(root), *options, "--output-format", "json"])
    found = {check["name"]: str(check["status"]) for check in json.loads(capsys.readouterr().out)["checks"]}
    return found["report signature"]
