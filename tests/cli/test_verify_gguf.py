from __future__ import annotations

import json
from pathlib import Path

import pytest
from gguf_files import write_small

from forgelm.base.errors import ExitCode
from forgelm.base.files import sha256_file
from forgelm.cli.main import run


def ask(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[ExitCode, dict[str, object]]:
    code = run(["verify-gguf", str(path), "--output-format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_codes_are_those_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_small(tmp_path / "m.gguf")
    code, said = ask(path, capsys)
    assert (code, said["success"], said["valid"], said["path"]) == (ExitCode.OK, True, True, str(path))
    assert set(said) == {"success", "valid", "reason", "checks", "path"}
    beside = tmp_path / "m.gguf.sha256"
    beside.write_text("nonsense")
    assert ask(path, capsys)[0] is ExitCode.CONFIG
    beside.write_text("0" * 64)
    assert ask(path, capsys)[0] is ExitCode.INTEGRITY
    path.write_bytes(path.read_bytes()[:100])
    beside.write_text(sha256_file(path))
    assert ask(path, capsys)[0] is ExitCode.CONFIG
    beside.unlink()
    assert ask(path, capsys)[0] is ExitCode.INTEGRITY
    path.write_bytes(b"something else")
    assert ask(path, capsys)[0] is ExitCode.CONFIG
    assert ask(tmp_path / "gone", capsys)[0] is ExitCode.CONFIG


def test_the_text_says_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_small(tmp_path / "m.gguf")
    assert run(["verify-gguf", str(path)]) is ExitCode.OK
    said = capsys.readouterr().out
    assert "GGUF version 3, llama" in said and "3 (2 F16, 1 F32)" in said and "no digest beside it" in said
