"""Whole runs: one that learnt canaries by heart is refused with the sentence, one that did not is promoted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Heard, order_rows, write_rows

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.cli.train import exit_code
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.memorisation.evaluator import MEMORISATION
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]


def memorisation(**more: Any) -> dict[str, Any]:
    section = {"enabled": True, "canaries": 4, "references": 63, "max_extraction_rate": 0.2, "max_exposure": 5.5}
    return {"auto_revert": True, "memorisation": {**section, **more}}


def test_a_model_that_learnt_its_canaries_by_heart_is_refused(make_config: Make, tmp_path: Path) -> None:
    heard = Heard()
    config = make_config(
        lora={"r": 32, "alpha": 64}, training={"num_train_epochs": 3}, evaluation=memorisation(repeats=20)
    )
    result = run_single(config, listen=heard)
    assert result.reverted and exit_code(result) == 3
    assert result.error is not None
    assert "is above evaluation.memorisation.max_extraction_rate 0.2000" in result.error
    assert "memorisation.exposure 6.0000 is above evaluation.memorisation.max_exposure 5.5000" in result.error
    assert not (tmp_path / "run/final_model").exists()
    assert heard.fields(Event.CANARIES_PLANTED)["rows"] == 80
    assert heard.fields(Event.MEMORISATION_COMPLETED)["passed"] is False
    governance = json.loads((tmp_path / "run/compliance/data_governance_report.json").read_text())
    assert governance["article_10"]["10(2)(c)"]["measured"]["canary_rows_planted"] == 80
    provenance = json.loads((tmp_path / "run/compliance/data_provenance.json").read_text())
    assert len(provenance["canaries"]) == 4 and "code" in provenance["canaries"][0]
    rows = [json.loads(line) for line in (tmp_path / "run/memorisation/canaries.jsonl").open()]
    assert [row["code"] for row in rows] == [one["code"] for one in provenance["canaries"]]
    assert sum(row["extracted"] for row in rows) >= 1 and not any(row["base_extracted"] for row in rows)


def test_a_model_that_did_not_is_promoted(make_config: Make) -> None:
    config = make_config(
        training={"num_train_epochs": 1, "learning_rate": 1e-3}, evaluation=memorisation(max_overlap=0.5)
    )
    result = run_single(config)
    assert result.success and result.metrics["memorisation/extraction_rate"] == 0.0
    assert result.metrics["memorisation/exposure"] < 5.5


def test_validation_rows_that_are_trained_on_are_refused(make_config: Make, tmp_path: Path) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    rows = order_rows(40)
    write_rows(folder / "train.jsonl", rows)
    write_rows(folder / "validation.jsonl", rows[:8])
    config = make_config(
        data={"dataset_name_or_path": str(folder)},
        training={"num_train_epochs": 1},
        evaluation={"memorisation": {"enabled": True, "canaries": 0, "max_overlap": 0.1}},
    )
    result = run_single(config)
    assert result.error is not None
    assert "memorisation.overlap 1.0000 is above evaluation.memorisation.max_overlap 0.1000" in result.error
    hits = [json.loads(line) for line in (tmp_path / "run/memorisation/overlap.jsonl").open()]
    assert [hit["how"] for hit in hits] == ["exact"] * 8


def test_canaries_that_were_cut_away_are_no_proof_of_forgetting(make_config: Make, tmp_path: Path) -> None:
    said = [("tea", "yes")] * 30 + [(str(number), "no") for number in range(9)]
    rows = [
        {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]}
        for asked, answered in said
    ]
    data = write_rows(tmp_path / "short.jsonl", rows)
    config = make_config(
        data={"dataset_name_or_path": str(data), "max_tokens_lost": 1.0},
        model={"max_length": 8},
        training={"num_train_epochs": 1},
        evaluation=memorisation(),
    )
    result = run_single(config)
    assert result.error is not None and "canaries were left out: see model.max_length" in result.error


def test_canaries_are_for_supervised_runs(make_config: Make) -> None:
    config = make_config(training={"trainer_type": "dpo"}, evaluation=memorisation())
    with pytest.raises(ConfigError, match="not in those of dpo"):
        MEMORISATION.check(config)


def test_benchmark_questions_are_looked_for_as_well(make_config: Make) -> None:
    wanted = memorisation(canaries=0, max_extraction_rate=None, max_exposure=None, max_overlap=0.5)
    benchmark = {"enabled": True, "tasks": ["cafe_orders"], "limit": 5}
    result = run_single(make_config(training={"max_steps": 2}, evaluation={**wanted, "benchmark": benchmark}))
    report = next(gate for gate in result.gates if gate["gate"] == "memorisation.overlap")
    assert report["status"] == "passed" and "17 samples" in report["reason"]
