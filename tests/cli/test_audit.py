"""The options of ``forgelm audit``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from forgelm.cli.main import run

CONTRACT = (
    "--output", "--verbose", "--near-dup-threshold", "--dedup-method", "--jaccard-threshold", "--quality-filter",
    "--no-quality-filter", "--croissant", "--pii-ml", "--pii-ml-language", "--workers", "--allow-secrets",
    "--allow-pii", "--output-format", "--quiet", "--log-level",
)  # fmt: skip


def test_help_names_every_option_of_the_contract_and_needs_no_arrays() -> None:
    program = (
        "import sys; from forgelm.cli.main import run\n"
        "assert run(['audit', '--help']) == 0\n"
        "assert not {'numpy', 'pyarrow', 'numba', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [option for option in CONTRACT if option not in done.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.jsonl", "--config", "run.yaml"],
        ["a.jsonl", "--near-dup-threshold", "-1"],
        ["a.jsonl", "--jaccard-threshold", "1.5"],
        ["a.jsonl", "--jaccard-threshold", "0"],
        ["a.jsonl", "--dedup-method", "magic"],
        ["a.jsonl", "--workers", "0"],
        ["a.jsonl", "--max-length", "8"],
        ["nothing-here.jsonl"],
        ["--config", "nothing-here.yaml"],
    ],
)
def test_wrong_use_is_one_json_document_and_exit_1(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["audit", *arguments, "--output-format", "json"]) == 1
    envelope = json.loads(capsys.readouterr().out)
    assert envelope["success"] is False and envelope["error"]
