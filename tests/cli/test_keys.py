"""``forgelm keys``, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forgelm.cli.main import run
from forgelm.evidence.ec_key import load_ec_key
from forgelm.evidence.ec_public import read_ec_public_key


def reply(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "forgelm" / "signing_key.pem"


def test_a_key_is_made_shown_and_found(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "path", "--output-format", "json"]) == 0
    assert reply(capsys) == {"success": True, "path": str(home), "exists": False}
    assert run(["keys", "show"]) == 1
    assert f"there is no key {home}: logs are written without a signature" in capsys.readouterr().err
    assert run(["keys", "generate", "--name", "example.org/ci", "--output-format", "json"]) == 0
    made = reply(capsys)
    assert made["name"] == "example.org/ci"
    assert run(["keys", "show", "--output-format", "json"]) == 0
    assert reply(capsys) == made
    home.with_suffix(".pub").unlink()
    assert run(["keys", "show"]) == 0
    out = capsys.readouterr().out
    assert str(made["public_key"]) in out
    assert "PRIVATE" not in out
    assert run(["keys", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(home)


def test_a_second_key_is_refused_and_the_first_kept(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "generate"]) == 0
    before = home.read_bytes()
    capsys.readouterr()
    assert run(["keys", "generate"]) == 1
    assert "there is a key already" in capsys.readouterr().err
    assert home.read_bytes() == before


def test_another_file_may_hold_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = str(tmp_path / "k.pem")
    assert run(["keys", "generate", "--file", file]) == 0
    assert run(["keys", "show", "--file", file]) == 0
    monkeypatch.setenv("FORGELM_SIGNING_KEY", file)
    assert run(["keys", "show"]) == 0


@pytest.mark.parametrize(
    "arguments", [["show"], ["generate", "--name", "two words"], ["path", "--file", ""], ["unknown"], []]
)
def test_what_cannot_be_done_is_the_callers_mistake(
    arguments: list[str], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(["keys", *arguments, "--output-format", "json"]) == 1
    assert reply(capsys)["success"] is False
    assert not home.exists()


def test_a_model_key_is_made_once_and_signs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.key"
    assert run(["keys", "generate-model-key", "--file", str(path), "--curve", "P-384", "--output-format", "json"]) == 0
    made = reply(capsys)
    public = read_ec_public_key(path.with_suffix(".pub"))
    assert (made["curve"], made["fingerprint"]) == ("P-384", public.fingerprint)
    assert public.verify(load_ec_key(path).sign(b"x"), b"x")
    assert run(["keys", "generate-model-key", "--file", str(path)]) == 1
    assert "there is a key already" in capsys.readouterr().err
    assert run(["keys", "generate-model-key"]) == 1
