"""``forgelm purge`` with the contract's JSON and exit codes, and what a person's erasure touches, on a real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold
from support import Finished

from forgelm.base.errors import ExitCode
from forgelm.cli.main import run
from forgelm.cli.purge import as_date

CONFIG = "model: {name_or_path: m}\nlora: {}\ntraining: {output_dir: OUT}\ndata: {dataset_name_or_path: d.jsonl}\n"


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str, text: bool = False) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(["purge", *words] if text else ["purge", *words, "--output-format", "json"])
        said = capsys.readouterr().out
        return code, said if text else json.loads(said)

    return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": 1}\n{"id": 2}\n{"id": 2}\n')
    return path


def test_a_row(ask: Any, corpus: Path) -> None:
    code, reply = ask("--row-id", "1", "--corpus", str(corpus), "--dry-run")
    assert code == ExitCode.OK
    assert {"success": True, "mode": "row", "dry_run": True, "matches": 1, "first_line": 1}.items() <= reply.items()
    assert "bytes_freed" not in reply
    code, reply = ask("--row-id", "1", "--corpus", str(corpus))
    assert (code, reply["bytes_freed"], reply["corpus_path"]) == (ExitCode.OK, 10, str(corpus))
    assert len(reply["row_id_hash"]) == 64
    assert (reply["salt_source"], reply["warnings"]) == (
        "per_dir",
        ["backups and copies of the corpus still hold the row"],
    )
    assert "erased" in ask("--row-id", "2", "--row-matches", "all", "--corpus", str(corpus), "--impact", text=True)[1]
    assert corpus.read_bytes() == b""


def test_a_run(ask: Any, tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    place = ("--run-id", RUN, "--kind", "staging", "--output-dir", str(files.root))
    code, reply = ask(*place, "--dry-run")
    assert (code, reply["would_delete"], reply["kind"]) == (ExitCode.OK, [f"final_model.staging.{RUN}"], "staging")
    assert "would delete" in ask(*place, "--dry-run", text=True)[1]
    code, reply = ask(*place)
    assert (code, reply["mode"], reply["run_id"]) == (ExitCode.OK, "run", RUN)
    assert reply["bytes_freed"] > 0
    assert reply["deleted"] == [f"final_model.staging.{RUN}"]


def test_a_policy(ask: Any, tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.replace("OUT", str(files.root)))
    code, reply = ask("--check-policy", "--config", str(config))
    assert (code, reply["count"], "note" in reply) == (ExitCode.OK, 0, True)
    config.write_text(config.read_text() + "retention: {enforce: block_on_excess}\n")
    assert ask("--check-policy", "--config", str(config)) == (
        ExitCode.OK,
        {"success": True, "violations": [], "count": 0},
    )
    text = files.audit_log.read_text()
    files.audit_log.write_text(text.replace(text[15:19], "2001"))
    code, reply = ask("--check-policy", "--config", str(config))
    assert (code, {one["artefact_kind"] for one in reply["violations"]}) == (ExitCode.OK, {"audit_log", "staging"})
    assert set(reply["violations"][0]) == {"artefact_kind", "path", "age_days", "horizon_days", "age_source"}
    assert "allowed 1825" in ask("--check-policy", "--config", str(config), text=True)[1]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--row-id", "1"],
        ["--row-id", "1", "--run-id", "x"],
        ["--run-id", "x"],
        ["--run-id", "x", "--kind", "all"],
        ["--check-policy"],
        ["--row-id", "9", "--corpus", "CORPUS"],
        ["--row-id", "2", "--corpus", "CORPUS"],
        ["--row-id", "1", "--corpus", "."],
        ["--row-id", "1", "--corpus", "CORPUS", "--received", "soon"],
        ["--check-policy", "--config", "nowhere.yaml"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked(words: list[str], ask: Any, corpus: Path) -> None:
    before = corpus.read_bytes()
    code, reply = ask(*(str(corpus) if word == "CORPUS" else word for word in words))
    assert (code, reply["success"]) == (ExitCode.CONFIG, False)
    assert corpus.read_bytes() == before


def test_what_saw_a_row_of_a_real_run(ask: Any, finished: Finished, tmp_path: Path) -> None:
    data = Path(finished.config.data.dataset_name_or_path)
    rows = data.read_text().splitlines()
    copy = tmp_path / "copy.jsonl"
    copy.write_text(json.dumps(json.loads(rows[4]) | {"id": "p-5"}) + "\n")
    words = ("--row-id", "p-5", "--corpus", str(copy), "--dry-run", "--impact", "--runs", str(finished.root))
    code, reply = ask(*words, "--received", "2026-01-31")
    assert code == ExitCode.OK
    impact = reply["impact"]
    assert impact["affected_run_ids"] in ([finished.result.run_id], [])
    assert impact["runs"][0]["rows"][0]["line"] == 5
    assert {Path(model["path"]).name for model in impact["runs"][0]["models"]} >= {"final_model"}
    assert (impact["deadline"], impact["latest_if_extended"]) == ("2026-02-28", "2026-04-30")
    text = ask(*words, text=True)[1]
    assert "answer by" in text
    assert str(finished.root / "final_model") in text


def test_no_day_is_no_day() -> None:
    assert as_date(None) is None


def test_the_reason_is_in_the_log(ask: Any, corpus: Path) -> None:
    assert ask("--row-id", "1", "--corpus", str(corpus), "--justification", "ticket 4711")[0] == ExitCode.OK
    assert ask("--row-id", "2", "--row-matches", "all", "--corpus", str(corpus))[0] == ExitCode.OK
    lines = [json.loads(line) for line in (corpus.parent / "audit_log.jsonl").read_text().splitlines()]
    said = [line["justification"] for line in lines if line["event"] == "data.erasure_requested"]
    assert said == ["ticket 4711", "(operator did not supply --justification)"]
