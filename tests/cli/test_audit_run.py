"""``forgelm audit`` as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.cli.main import run
from forgelm.config.root import ForgeConfig


def _write(folder: Path, text: str) -> str:
    path = folder / "data.jsonl"
    path.write_text(json.dumps({"text": text}) + "\n" + '{"text": "a second row of ordinary words"}\n')
    return str(path)


@pytest.mark.parametrize(
    ("text", "flags", "code", "statuses"),
    [
        ("an ordinary row of words", [], 0, ("passed", "passed")),
        ("mail bob@example.org", [], 0, ("passed", "passed")),
        ("card 4111 1111 1111 1111", [], 3, ("failed", "passed")),
        ("card 4111 1111 1111 1111", ["--allow-pii"], 0, ("suppressed", "passed")),
        ("key AKIAIOSFODNN7EXAMPLQ", [], 3, ("passed", "failed")),
        ("key AKIAIOSFODNN7EXAMPLQ", ["--allow-pii"], 3, ("passed", "failed")),
        ("key AKIAIOSFODNN7EXAMPLQ", ["--allow-secrets"], 0, ("passed", "suppressed")),
    ],
)
def test_gates_decide_the_exit_code_after_the_report_is_written(
    text: str,
    flags: list[str],
    code: int,
    statuses: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    arguments = ["audit", _write(tmp_path, text), "--output", str(output), "--output-format", "json", *flags]
    assert run(arguments) == code
    envelope = json.loads(capsys.readouterr().out)
    assert (envelope["pii_gate"]["status"], envelope["secrets_gate"]["status"]) == statuses
    assert envelope["success"] is (code == 0) and envelope["splits"] == {"train": 2}
    report = json.loads(Path(envelope["report_path"]).read_text())
    assert [gate["status"] for gate in report["gates"]] == list(statuses)


def test_text_leads_with_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = _write(tmp_path, "card 4111 1111 1111 1111")
    assert run(["audit", data, "--output", str(tmp_path), "--croissant", "-q"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("FAILED") and "4111" not in said and str(tmp_path / "data_audit_report.json") in said
    description = json.loads((tmp_path / "data_audit_report.json").read_text())["croissant"]
    assert description["@type"] == "sc:Dataset"
    assert json.loads((tmp_path / "croissant.json").read_text()) == description
    page = (tmp_path / "data_audit_report.html").read_text()
    assert "Failed:" in page and "4111" not in page and str(tmp_path / "data_audit_report.html") in said


def test_a_run_is_audited_as_it_would_be_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_rows(tmp_path / "orders.jsonl", order_rows(60))
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(sections(data, tmp_path / "run")))
    assert run(["audit", "--config", str(config), "--output-format", "json"]) == 0
    envelope = json.loads(capsys.readouterr().out)
    assert sum(envelope["splits"].values()) == 60 and set(envelope["splits"]) == {"train", "validation"}
    report = json.loads((tmp_path / "run" / "data_audit_report.json").read_text())
    assert report["settings"]["more"]["sources"] == {str(data): hashlib.sha256(data.read_bytes()).hexdigest()}
    lengths = report["details"]["train"]["lengths"]
    assert lengths["tokens"]["rows"] > 0 and lengths["truncation"]["max_length"] == 256 and lengths["batching"]


def test_a_training_takes_the_audit_into_its_evidence(
    make_config: Callable[..., ForgeConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(training={"max_steps": 2})
    path = tmp_path / "run.yaml"
    path.write_text(config.to_yaml())
    assert run(["audit", "--config", str(path), "--output-format", "json"]) == 0
    run(["--config", str(path), "--output-format", "json"])
    report = (tmp_path / "run" / "data_audit_report.json").read_bytes()
    governance = json.loads((tmp_path / "run" / "compliance" / "data_governance_report.json").read_text())
    assert governance["data_audit_sha256"] == hashlib.sha256(report).hexdigest()
    assert governance["data_audit_covers_training_data"] is True
    assert governance["data_audit"] == json.loads(report)
    assert "governance_section_missing" not in (tmp_path / "run" / "audit_log.jsonl").read_text()


def test_a_folder_that_cannot_be_written_to_is_said_before_the_scan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert run(["audit", _write(tmp_path, "x"), "--output", str(tmp_path / "taken"), "--output-format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["error"].endswith("taken: a file stands in the place of the folder")
    assert said["hint"] == "give another folder with --output"


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_half_written(number: int, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    with data.open("w") as stream:
        for row in range(120_000):
            stream.write(json.dumps({"text": f"row {row} " + "some words of text " * 30}) + "\n")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "forgelm", "audit", str(data), "--output", str(out), "--output-format", "json"]
    process = subprocess.Popen([*command, "--log-level", "INFO"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if b"are ready" in line:
            break
    time.sleep(0.1)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    envelope = json.loads(said)
    assert process.returncode == 75 and envelope["resumable"] is True
    assert [path for path in out.iterdir() if path.is_file()] == []


ALIKE = "the quick brown fox jumps over the lazy dog near the old stone bridge at dawn"


@pytest.mark.parametrize(
    ("words", "look", "without", "found"),
    [
        (["--near-dup-threshold", "0"], ("near_duplicate_summary", "hamming_threshold"), 3, 0),
        (["--dedup-method", "minhash"], ("near_duplicate_summary", "method"), "simhash", "minhash"),
        (
            ["--dedup-method", "minhash", "--jaccard-threshold", "0.6"],
            ("near_duplicate_summary", "jaccard_threshold"),
            None,
            0.6,
        ),
        (["--no-quality-filter"], ("quality_summary", "samples_evaluated"), 2, None),
        (["--quality-filter"], ("quality_summary", "samples_evaluated"), 2, 2),
        (["--workers", "2"], ("total_samples",), 2, 2),
    ],
)
def test_every_option_changes_the_report(
    words: list[str], look: tuple[str, ...], without: object, found: object, tmp_path: Path
) -> None:
    data = _write(tmp_path, ALIKE)

    def report(name: str, *more: str) -> object:
        assert run(["audit", data, "--output", str(tmp_path / name), "-q", *more]) == 0
        value = json.loads((tmp_path / name / "data_audit_report.json").read_text())
        for key in look:
            value = (value or {}).get(key)
        return value

    assert (report("bare"), report("asked", *words)) == (without, found)


def test_clean_splits_are_shown_only_where_that_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text('{"text": "mail bob@example.org about the order."}\n')
    (tmp_path / "data" / "test.jsonl").write_text('{"text": "The order was sent on Monday morning."}\n')
    words = ["audit", str(tmp_path / "data"), "--output", str(tmp_path / "out"), "-q"]
    assert run(words) == 0
    assert "1 clean split not shown (test); --verbose shows them" in capsys.readouterr().out
    assert run([*words, "--verbose"]) == 0
    said = capsys.readouterr().out
    assert "not shown" not in said and "\n  test " in said


def test_names_are_looked_for_in_the_language_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", _write(tmp_path, ALIKE), "--output", str(tmp_path / "out"), "--pii-ml"]
    assert run([*words, "--pii-ml-language", "qq"]) == 1
    assert "qq" in capsys.readouterr().err
