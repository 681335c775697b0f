"""Rules between sections: which combinations are refused and which only get a warning."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.errors import ConfigError

PIN = "0123456789abcdef0123456789abcdef01234567"


def _warnings(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_plain_configuration_warns_of_nothing(build: Any, caplog: Any) -> None:
    build(evaluation={"auto_revert": True}, model={"revision": PIN}, compliance={}, risk_assessment={})
    assert _warnings(caplog) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"merge_adapters": True}, "evaluation": {"auto_revert": True}}, "auto_revert with"),
        ({"lora": {"r": 65}}, "lora.r is 65"),
        ({"training": {"eval_steps": 201}}, "eval_steps is above save_steps"),
        ({"training": {"run_name": "mine"}}, "run_name is set, but has no effect with report_to=tensorboard"),
        ({"training": {"run_name": "mine", "report_to": "none"}}, "no effect with report_to=none"),
        ({"training": {"dataset_num_proc": 2}}, "no effect without training.packing"),
        ({"model": {"bnb_4bit_compute_dtype": "float32"}}, "compute_dtype float32"),
        ({"model": {"bnb_4bit_compute_dtype": "fp32"}}, "compute_dtype float32"),
        ({"model": {"revision": "main"}}, "'main' can move"),
        (
            {"compliance": {"risk_classification": "limited-risk"}, "risk_assessment": {"risk_category": "unknown"}},
            "risk_category is 'unknown'",
        ),
    ],
)
def test_unwise_combination_warns_once(build: Any, caplog: Any, changes: dict[str, Any], message: str) -> None:
    build(**changes)
    assert len(_warnings(caplog)) == 1
    assert message in _warnings(caplog)[0]
    assert caplog.records[0].name == "forgelm.config"


@pytest.mark.parametrize(
    "changes",
    [
        {"lora": {"r": 65, "method": "rslora"}},
        {"lora": {"r": 64}},
        {"training": {"eval_steps": 200}},
        {"training": {"run_name": "mine", "report_to": ["tensorboard", "mlflow"]}},
        {"training": {"dataset_num_proc": 2, "packing": True}},
        {"model": {"bnb_4bit_compute_dtype": "float32", "load_in_4bit": False}},
        {"model": {"revision": PIN.upper()}},
        {"compliance": {"risk_classification": "limited-risk"}, "risk_assessment": {}},
    ],
)
def test_combination_just_inside_the_rule_does_not_warn(build: Any, caplog: Any, changes: dict[str, Any]) -> None:
    build(**changes)
    assert _warnings(caplog) == []


def test_pinning_a_local_folder_warns(build: Any, caplog: Any, tmp_path: Path) -> None:
    build(model={"name_or_path": str(tmp_path), "revision": PIN})
    assert "has no effect" in _warnings(caplog)[0]


@pytest.mark.parametrize("tier", ["high-risk", "unacceptable"])
def test_strict_tier_needs_a_safety_evaluation(build: Any, tier: str) -> None:
    with pytest.raises(ConfigError, match=f"'{tier}' requires a safety evaluation"):
        build(compliance={"risk_classification": tier}, evaluation={"safety": {"enabled": False}})
    with pytest.raises(ConfigError) as caught:
        build(compliance={"risk_classification": tier}, risk_assessment={"risk_category": tier})
    assert [problem.path for problem in caught.value.problems] == [
        "compliance.risk_classification",
        "risk_assessment.risk_category",
    ]


def test_strict_tier_with_safety_is_told_what_is_still_off(build: Any, caplog: Any) -> None:
    safety: dict[str, Any] = {"enabled": True}
    build(compliance={"risk_classification": "high-risk"}, evaluation={"safety": safety})
    found = _warnings(caplog)
    assert any("auto_revert is off" in text for text in found)
    assert any("track_categories is off" in text for text in found)
    caplog.clear()
    safety["track_categories"] = True
    build(compliance={"risk_classification": "high-risk"}, evaluation={"auto_revert": True, "safety": safety})
    assert _warnings(caplog) == []


def test_unacceptable_tier_is_told_about_article_5(build: Any, caplog: Any) -> None:
    with pytest.raises(ConfigError):
        build(risk_assessment={"risk_category": "unacceptable"})
    assert "Article 5" in _warnings(caplog)[0]


def test_full_fine_tuning_excludes_4_bit_and_merging(build: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build(lora=None, model={"load_in_4bit": True}, training={"merge_adapters": True})
    assert [problem.path for problem in caught.value.problems] == ["model.load_in_4bit", "training.merge_adapters"]
    assert build(lora=None, model={"load_in_4bit": False}).lora is None
