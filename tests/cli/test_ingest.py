"""``forgelm ingest``: the envelope, the masks, and what a user gets wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
