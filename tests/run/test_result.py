"""What a caller reads off a finished training: one folder, one verdict, and a table for a notebook."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from forgelm.run.result import TrainResult


@pytest.mark.parametrize(
    ("made", "verdict", "output_dir"),
    [
        ({"success": True, "final_model_path": "run/final_model"}, "promoted", "run/final_model"),
        (
            {"success": False, "final_model_path": "run/final_model", "error": "loss: too high"},
            "promoted although a gate failed",
            "run/final_model",
        ),
        ({"success": True, "awaiting_approval": True, "staging_path": "run/s"}, "awaiting approval", "run/s"),
        (
            {"success": False, "awaiting_approval": True, "staging_path": "run/s"},
            "awaiting approval although a gate failed",
            "run/s",
        ),
        (
            {"success": False, "reverted": True, "quarantine_path": "run/q", "error": "loss: too high"},
            "refused",
            "run/q",
        ),
    ],
)
def test_the_verdict_and_where_the_model_is(made: dict[str, Any], verdict: str, output_dir: str) -> None:
    result = TrainResult(**made)
    assert (result.verdict, result.output_dir) == (verdict, output_dir)
    assert result.revert_reason == made.get("error")


def test_only_success_is_needed_and_nothing_is_shared_between_results() -> None:
    one, other = TrainResult(True), TrainResult(True)
    one.metrics["eval_loss"] = 1.0
    one.gates.append({})
    assert (other.metrics, other.gates, other.output_dir, other.error) == ({}, [], None, None)


def test_the_contracts_fields_come_first_and_in_its_order() -> None:
    names = [field.name for field in fields(TrainResult)]
    assert names[:5] == ["success", "metrics", "final_model_path", "reverted", "error"]
    assert {"staging_path", "resource_usage", "estimated_cost_usd", "awaiting_approval", "safety_passed"} <= set(names)


def test_the_notebook_table_escapes_what_it_shows() -> None:
    attack = "<script>alert('x')</script>"
    result = TrainResult(
        success=False,
        metrics={attack: 0.123456, "eval_loss": 2.0},
        final_model_path=attack,
        error=attack,
        run_id=attack,
        gates=[{"gate": attack, "status": "failed", "reason": attack}],
    )
    page = result._repr_html_()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 6
    assert "0.1235" in page


def test_the_notebook_table_leaves_out_what_is_not_known() -> None:
    page = TrainResult(True, {"eval_loss": 1.25}, "run/final_model")._repr_html_()
    assert "None" not in page
    assert page.count("<tr>") == page.count("</tr>") == 3
    assert "promoted" in page
    assert "1.25" in page


def test_the_colour_tells_success_from_failure() -> None:
    assert TrainResult(True)._repr_html_().split(">")[0] != TrainResult(False)._repr_html_().split(">")[0]
