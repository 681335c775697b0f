"""Two hundred planted credentials through a real run, its errors and its bundle: none of them comes out anywhere."""

from __future__ import annotations

import json
import random
import string
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.cli.main import run
from forgelm.evidence.ledger import AuditLogger

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_FAMILIES = 20
_AUDIT_SECRET = "the-secret-of-the-audit-log-itself"


def plant(count: int) -> list[tuple[str, str]]:
    """Return ``count`` credentials: what is written, and the part of it that must not come out."""
    chance = random.Random(17)

    def some(length: int, letters: str = _ALNUM) -> str:
        return "".join(chance.choices(letters, k=length))

    planted = []
    for number in range(count):
        key = some(36)
        made = [
            (f"hf_{key}", key),
            (f"ghp_{key}", key),
            (f"gho_{key}", key),
            (f"github_pat_{key}_{some(40)}", key),
            (f"glpat-{key[:20]}", key[:20]),
            (f"sk-{key}", key),
            (f"sk-proj-{key}", key),
            (f"sk_live_{key[:24]}", key[:24]),
            (f"xoxb-{some(11, string.digits)}-{key}", key),
            (f"AKIA{(upper := some(16, string.ascii_uppercase + string.digits))}", upper),
            (f"AIza{key[:35]}", key[:35]),
            (f"npm_{key}", key),
            (f"pypi-AgEIcHlwaS5vcmc{key}{some(60)}", key),
            (f"SG.{some(22)}.{key}{some(7)}", key),
            (f"dop_v1_{(digits := some(64, _HEX))}", digits),
            (f"shpat_{(digits := some(32, _HEX))}", digits),
            (f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(30)}.{key}", key),
            (f"https://robot:{key}@example.org/data", key),
            (f"Authorization: Bearer {key}7", f"{key}7"),
            (f"-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----", key),
        ]
        assert len(made) == _FAMILIES
        planted.append(made[number % _FAMILIES])
    return planted


PLANTED = plant(200)


@pytest.fixture
def planted_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a credential wherever a person may write text, and in the data."""
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", _AUDIT_SECRET)
    monkeypatch.setenv("HUGGINGFACE_TOKEN", PLANTED[0][0])
    texts = [f"see {written} for it" for written, _ in PLANTED]
    rows = order_rows(120)
    for row, text in zip(rows, texts, strict=False):
        row["note"] = text
    content = sections(
        write_rows(tmp_path / "orders.jsonl", rows),
        tmp_path / "run",
        data={
            "governance": {
                "collection_method": texts[0],
                "annotation_process": texts[1],
                "known_biases": texts[2],
            }
        },
        compliance={
            "provider_name": f"Provider {texts[3]}",
            "provider_contact": texts[4],
            "system_name": f"System {texts[5]}",
            "intended_purpose": texts[6],
            "known_limitations": " ".join(texts[7:40]),
        },
        risk_assessment={"intended_use": texts[40], "foreseeable_misuse": texts[41:200]},
        auth={"hf_token": PLANTED[0][0]},
    )
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's bytes; of archives, their entries'."""
    for path in folder.rglob("*"):
        if path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())
        elif path.is_file():
            yield path.name, path.read_bytes()


def leaks(outputs: Iterator[tuple[str, bytes]]) -> list[str]:
    wanted = [(written, hidden.encode()) for written, hidden in PLANTED] + [("secret", _AUDIT_SECRET.encode())]
    return [f"{written} in {name}" for name, data in outputs for written, hidden in wanted if hidden in data]


def test_none_comes_out_of_a_run_its_replies_and_its_bundle(
    planted_config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    replies = []
    for arguments in (
        ["--config", str(planted_config), "--dry-run"],
        ["--config", str(planted_config), "--output-format", "json", "--log-level", "DEBUG"],
        ["verify-audit", str(tmp_path / "run" / "audit_log.jsonl")],
        ["bundle", str(tmp_path / "run"), "--output", str(tmp_path / "run" / "bundle.zip")],
        ["verify", str(tmp_path / "run" / "bundle.zip")],
    ):
        code = run(arguments)
        said = capfd.readouterr()
        assert code == 0, said.out + said.err
        replies += [(" ".join(arguments[:1]), said.out.encode()), ("stderr", said.err.encode())]
    files = list(contents(tmp_path / "run"))
    assert len(files) > 25
    assert leaks(iter(files)) == []
    assert leaks(iter(replies)) == []


def test_none_comes_out_of_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number, (written, _) in enumerate(PLANTED):
        content = sections(tmp_path / "none.jsonl", tmp_path / "run")
        place = ("model", "data", "training", "unknown")[number % 4]
        if place == "unknown":
            content[written] = written
        elif place == "training":
            content["training"]["learning_rate"] = written
        else:
            content[place][{"model": "name_or_path", "data": "dataset_name_or_path"}[place]] = written
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        for form in ("text", "json"):
            assert run(["--config", str(path), "--dry-run", "--output-format", form]) != 0
            said = capfd.readouterr()
            assert leaks(iter([(place, (said.out + said.err).encode())])) == []


def test_none_comes_out_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", _AUDIT_SECRET)
    log = AuditLogger(str(tmp_path))
    for written, _ in PLANTED:
        log.log_event("x", text=f"see {written}", deep=[{"a": (written, {"b": OSError(f"401 for {written}")})}])
        log.log_event("x", api_key=written, auth={"token": written}, **{f"key {written}": 1})
    log.close_run()
    assert leaks(contents(tmp_path)) == []
    assert len(json.loads(log.path.read_bytes().splitlines()[-1])["root"]) == 64
