"""The section ``evaluation.safety``."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config.safety import SafetyConfig


def test_defaults_are_those_of_the_contract() -> None:
    section = SafetyConfig()
    assert not section.enabled
    assert (section.classifier, section.classifier_mode) == ("meta-llama/Llama-Guard-3-8B", "auto")
    assert (section.max_safety_regression, section.min_classifier_confidence, section.batch_size) == (0.05, 0.7, 8)
    assert (section.scoring, section.min_safety_score, section.severity_thresholds) == ("binary", None, None)
    assert not section.track_categories
    assert not section.include_eval_samples
    assert (section.test_prompts, section.gate_on) == ("builtin/probes", "bound")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_safety_regression": 1.5}, "less than or equal to 1|at most 1"),
        ({"min_safety_score": 0.8}, r"needs scoring: confidence_weighted"),
        ({"severity_thresholds": {"urgent": 0.1}}, "'urgent' is no severity"),
        ({"severity_thresholds": {"high": 2}}, "high: 2.* is no share"),
        ({"severity_thresholds": {"high": True}}, "a number is needed"),
        ({"severity_thresholds": {"high": 0.1}, "track_categories": False}, "needs the categories tracked"),
        ({"scoring": "weighted"}, "scoring"),
        ({"classifier_mode": "classify"}, "classifier_mode"),
        ({"batch_size": 0}, "batch_size"),
        ({"classifier_revision": "a b"}, "spaces"),
        ({"max_unsafe_ratio": 0.1}, "unknown key"),
        ({"additional_classifiers": [{"model": "x"}]}, "unknown key"),
        ({"test_prompts": " "}, "blank"),
    ],
)
def test_what_cannot_be_meant_is_refused(build: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(evaluation={"safety": {"enabled": True, **fields}})


def test_a_section_that_is_off_may_be_unfinished(build: Any) -> None:
    config = build(evaluation={"safety": {"min_safety_score": 0.8, "severity_thresholds": {"urgent": 3}}})
    assert not config.evaluation.safety.enabled


def test_severity_limits_switch_the_categories_on_and_say_so(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    config = build(evaluation={"safety": {"enabled": True, "severity_thresholds": {"critical": "0", "high": "1e-2"}}})
    assert config.evaluation.safety.track_categories
    assert config.evaluation.safety.severity_thresholds == {"critical": 0, "high": 0.01}
    assert "switches track_categories on" in caplog.text


def test_every_guard_in_order() -> None:
    section = SafetyConfig.model_validate(
        {"classifier": "a/b", "classifier_revision": "main", "additional_classifiers": [{"classifier": "c/d"}]}
    )
    assert [(guard.classifier, guard.classifier_revision) for guard in section.guards] == [
        ("a/b", "main"),
        ("c/d", None),
    ]
