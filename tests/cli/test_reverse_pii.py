"""``forgelm reverse-pii`` with the contract's JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run
from forgelm.evidence.subjects import SubjectKeys


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str, text: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(["reverse-pii", *words] if text else ["reverse-pii", *words, "--output-format", "json"])
        said = capsys.readouterr().out
        return code, said if text else json.loads(said)

    return call


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "r1", "t": "call (030) 901820-12"}\n{"id": "r2", "t": "nobody"}\n')
    return path


def test_found_and_not_found(ask: Any, rows: Path) -> None:
    code, reply = ask(str(rows), "--query", "+49 30 90182012", "--type", "phone")
    assert code == ExitCode.OK
    assert {"identifier_type": "phone", "scan_mode": "plaintext", "salt_source": "plaintext"}.items() <= reply.items()
    assert reply["matches"] == [
        {"file": str(rows), "line": 1, "snippet": "call (030) 901820-12", "row_id": "r1"},
    ]
    assert reply["files_scanned"] == [{"path": str(rows), "match_count": 1}]
    code, reply = ask(str(rows), "--query", "ada")
    assert (code, reply["match_count"], reply["matches"]) == (ExitCode.OK, 0, [])
    code, text = ask(str(rows), "--query", "901820-12", "--output-dir", str(rows.parent), text=True)
    assert f"{rows}:1" in text


def test_the_impact_is_shown_when_asked_for(ask: Any, rows: Path) -> None:
    code, reply = ask(str(rows), "--query", "nobody", "--impact", "--received", "2026-03-01")
    assert (code, reply["impact"]["deadline"]) == (ExitCode.OK, "2026-04-01")
    assert "answer by" in ask(str(rows), "--query", "nobody", "--impact", text=True)[1]


@pytest.mark.parametrize(
    "words",
    [
        ["--query", " "],
        ["--query", "(", "--type", "custom"],
        ["--query", "x", "--type", "email"],
        ["--query", "x", "--salt-source", "per_dir"],
        [],
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked(words: list[str], ask: Any, rows: Path) -> None:
    code, reply = ask(str(rows), *words)
    assert (code, reply["success"]) == (ExitCode.CONFIG, False)


def test_no_file_and_an_unreadable_one(ask: Any, rows: Path) -> None:
    assert ask(str(rows.parent / "gone*"), "--query", "x")[0] == ExitCode.CONFIG
    rows.write_bytes(b"\xff\n")
    code, reply = ask(str(rows), "--query", "x")
    assert code == ExitCode.RUNTIME
    assert "not UTF-8" in reply["error"]


def test_the_log_goes_where_it_is_asked_and_commitments_are_looked_for(ask: Any, rows: Path) -> None:
    keys, log = rows.parent / "keys", rows.parent / "log"
    committed = SubjectKeys(keys).commit("ada@example.org").digest
    rows.write_text(json.dumps({"id": "r3", "who": committed}) + "\n")
    words = (str(rows), "--query", "ada@example.org", "--output-dir", str(keys), "--audit-dir", str(log))
    code, reply = ask(*words)
    assert (code, reply["match_count"], reply["salt_source"]) == (ExitCode.OK, 0, "plaintext")
    code, reply = ask(*words, "--salt-source", "per_dir")
    assert (code, reply["match_count"], reply["scan_mode"]) == (ExitCode.OK, 1, "hash")
    assert "data.access_request_query" in (log / "audit_log.jsonl").read_text()
    assert not (rows.parent / "audit_log.jsonl").exists()
