"""Whole runs whose evaluations pass, fail and cannot tell: where the model goes, and what the evidence says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support import Heard, order_rows, sections, write_rows

from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single


def run(folder: Path, steps: int = 60, **text: Any) -> tuple[TrainResult, Heard]:
    rows = write_rows(folder / "orders.jsonl", order_rows(420))
    config = ForgeConfig(
        **sections(
            rows,
            folder / "run",
            training={"max_steps": steps},
            data={"validation_split_ratio": 0.1},
            evaluation={"auto_revert": True, "text": {"enabled": True, "max_new_tokens": 48, **text}},
        )
    )
    heard = Heard()
    return run_single(config, listen=heard), heard


def gates(result: TrainResult) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in result.gates}


@pytest.mark.slow
def test_a_model_that_meets_its_text_limits_is_promoted(tmp_path: Path) -> None:
    result, heard = run(
        tmp_path, metrics=["token_f1", "bleu"], min_score={"token_f1": 0.3}, min_improvement={"bleu": 0.0}
    )
    assert result.success and result.final_model_path
    found = gates(result)
    assert found["text.token_f1"]["bound"] > 0.3
    assert found["text.bleu.improvement"]["status"] == "passed"
    assert result.metrics["text/token_f1"] > result.metrics["baseline_text/token_f1"]
    path = "text/text_results.jsonl"
    digest = sha256_file(tmp_path / "run" / path)
    assert heard.fields(Event.EVALUATIONS_RECORDED) == {"files": {path: digest}}
    report = json.loads((tmp_path / "run/compliance/test_report.json").read_text())
    assert report["files"] == {path: digest}


@pytest.mark.slow
def test_a_model_below_its_text_limit_is_refused_with_the_sentence(tmp_path: Path) -> None:
    result, _ = run(tmp_path, steps=20, metrics=["exact_match"], min_score={"exact_match": 0.999})
    assert result.reverted and not result.success
    assert "is below evaluation.text.min_score.exact_match 0.9990" in (result.error or "")
    assert not (tmp_path / "run/final_model").exists()


@pytest.mark.slow
def test_what_so_few_rows_cannot_show_waits_for_a_person(tmp_path: Path) -> None:
    result, heard = run(tmp_path, max_samples=4, metrics=["token_f1"], min_score={"token_f1": 0.45})
    assert result.success and result.awaiting_approval and result.error is None
    assert gates(result)["text.token_f1"]["status"] == "inconclusive"
    asked = heard.fields(Event.HUMAN_APPROVAL_REQUIRED)
    assert asked["reason"].startswith("undecided: text.token_f1")
    assert Path(result.staging_path or "").is_dir()
    assert "Undecided" in (tmp_path / "run/compliance/index.html").read_text()
