"""``bundle`` and ``verify`` as their users run them: the reviewer's way through, and what goes wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import Finished

from forgelm.cli.main import run
from forgelm.evidence.ec_key import generate_ec_key


@pytest.fixture
def folder(finished: Finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.root, tmp_path / "first"))


def test_a_reviewer_s_way_through(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cryptography", reason="needs the extra sign")
    generate_ec_key(tmp_path / "model.key")
    assert run(["sign", str(folder / "final_model"), "--key", str(tmp_path / "model.key")]) == 0
    assert run(["bundle", str(folder), "--with-model", "--key", str(tmp_path / "model.key")]) == 0
    assert "first-evidence.zip: " in capsys.readouterr().out
    bundle = tmp_path / "first-evidence.zip"
    public = str(tmp_path / "model.pub")
    assert run(["verify", str(bundle), "--key", public, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert (reply["success"], reply["failed"], reply["not_checked"]) == (
        True,
        [],
        ["log tags", "log signature", "log anchors", "report signature", "approvals"],
    )

    elsewhere = tmp_path / "elsewhere"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(elsewhere)
    weights = elsewhere / "run" / "final_model" / "adapter_model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    command = [sys.executable, "-I", "-S", "verify.py", ".", "--key", public]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "adapter_model.safetensors" in done.stdout
    assert run(["verify", str(elsewhere), "--key", public]) == 6
    shown = capsys.readouterr().out
    assert shown.startswith("FAIL: ")
    for check in ("contents", "model files", "model signature"):
        assert f"FAILED       {check}" in shown


def test_the_verifier_can_be_had_alone(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", "--verifier", str(tmp_path / "verify.py"), "--output-format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / "verify.py")
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(folder)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_caller_s_mistakes_are_exit_1(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "some.txt").write_text("text")
    for arguments in (
        ["bundle"],
        ["bundle", str(tmp_path / "nothing")],
        ["bundle", str(tmp_path)],
        ["bundle", str(folder), "--verifier", "verify.py"],
        ["bundle", str(folder), "--output", str(tmp_path)],
        ["bundle", str(folder), "--key", str(tmp_path / "some.txt")],
        ["verify"],
        ["verify", str(tmp_path / "nothing")],
        ["verify", str(tmp_path)],
        ["verify", str(folder), "--key", str(tmp_path / "some.txt")],
    ):
        assert run(arguments) == 1, arguments
        assert capsys.readouterr().err.startswith("error: "), arguments
        assert run([*arguments, "--output-format", "json"]) == 1
        assert json.loads(capsys.readouterr().out)["success"] is False
    assert run(["verify", str(tmp_path / "some.txt")]) == 6
    assert "is not a bundle" in capsys.readouterr().err
