"""``forgelm ingest``: the envelope, the masks, and what a user gets wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_disk import mounted
from terminal import drawn_on

from forgelm.cli.main import run


def test_the_envelope_and_the_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("Write to jane.doe@example.com or see https://example.com/x.")
    out = tmp_path / "o.jsonl"
    words = ["ingest", str(tmp_path / "a.txt"), "--output", str(out), "--all-mask", "--strip-urls", "mask"]
    assert run([*words, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["pii_redaction_counts"] == {"email": 1}
    assert (reply["urls_handled"], reply["chunk_count"]) == (1, 1)
    assert json.loads(out.read_text())["text"] == "Write to [REDACTED] or see [URL]."


@pytest.mark.parametrize(
    "words",
    [
        ["--chunk-tokens", "5"],
        ["--overlap-tokens", "5"],
        ["--overlap", "5"],
        ["--page-range", "3-1"],
        ["--strip-pattern", "(a+)+"],
        ["--strip-pattern", "("],
        ["--input-encoding", "no-such"],
        ["--strategy", "sliding", "--chunk-size", "10", "--overlap", "9"],
    ],
)
def test_what_cannot_be_is_refused(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("text")
    out = tmp_path / "o.jsonl"
    assert run(["ingest", str(tmp_path / "a.txt"), "--output", str(out), *words]) == 1
    assert "error" in capsys.readouterr().err.lower()
    assert not out.exists()


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(f"{number} " + "word " * 300 for number in range(400)))
    with mounted(tmp_path / "disk", 100_000) as disk:
        words = ["ingest", str(tmp_path / "a.txt"), "--output", str(disk / "o.jsonl"), "--output-format", "json"]
        assert run(words) == 2
        assert "No space left" in json.loads(capsys.readouterr().out)["error"]
        assert list(disk.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="nobody can tell there who still writes")
def test_what_a_killed_ingestion_left_is_swept_by_the_next(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for number in range(40):
        (source / f"{number}.txt").write_text("word " * 20_000)
    out = tmp_path / "out" / "k.jsonl"
    words = ["ingest", str(source), "--output", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "forgelm", *words], stderr=subprocess.DEVNULL)
    while not (out.parent.exists() and [*out.parent.iterdir()]):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert [path.suffix for path in out.parent.iterdir()] == [".tmp"]
    assert run(words) == 0
    assert [path.name for path in out.parent.iterdir()] == ["k.jsonl"]


def test_a_terminal_gets_a_bar_of_files_and_json_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("text")
    words = ["ingest", str(tmp_path), "--output", str(tmp_path / "out" / "o.jsonl")]
    with drawn_on() as (terminal, finish):
        monkeypatch.setattr(sys, "stderr", terminal)
        assert run([*words, "--output-format", "json"]) == 0
        terminal.write("|")
        assert run(words) == 0
        drawn = finish()
    assert drawn.startswith("|")
    assert "2/2" in drawn
    assert "file" in drawn.split("2/2")[-1]
