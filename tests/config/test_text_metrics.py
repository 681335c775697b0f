"""A limit for a metric that nobody takes is an error, and so is a score outside 0 to 1."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from forgelm.config.text_metrics import TextMetricsConfig


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min_score": {"bleu": 0.5}}, "'bleu' has a limit and is not in metrics"),
        ({"min_improvement": {"bleu": 0.5}}, "'bleu' has a limit and is not in metrics"),
        ({"metrics": ["bleu", "bleu"]}, "listed twice"),
        ({"metrics": []}, "at least 1 item"),
        ({"metrics": ["meteor"]}, "exact_match"),
        ({"metrics": "bleu"}, "list"),
        ({"min_score": {"rougeL": 45}}, "less than or equal to 1"),
        ({"min_improvement": {"rougeL": -2}}, "greater than or equal to -1"),
        ({"max_samples": 0}, "greater than or equal to 1"),
        ({"max_new_tokens": 0}, "greater than or equal to 1"),
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"gate_on": "mean"}, "point"),
        ({"enabled": "maybe"}, "boolean"),
        ({"include_eval_samples": 3}, "boolean"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TextMetricsConfig.model_validate(given)


def test_metrics_without_another_package_are_the_default_but_one() -> None:
    assert TextMetricsConfig.model_validate({}).metrics == ["exact_match", "token_f1", "rougeL"]
