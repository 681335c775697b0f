"""What is written about a judge is complete and consistent, or refused before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from forgelm.config.judge import JudgeConfig

PRICES = {"input_usd_per_million_tokens": 1.0, "output_usd_per_million_tokens": 2.0}


def judge(**fields: Any) -> JudgeConfig:
    return JudgeConfig.model_validate(fields)


def test_the_contracts_defaults() -> None:
    found = judge()
    assert (found.enabled, found.judge_model, found.eval_dataset) == (False, "gpt-4o", "eval_prompts.jsonl")
    assert (found.min_score, found.batch_size, found.include_eval_samples) == (5.0, 8, False)
    assert found.judges == (found,)


@pytest.mark.parametrize(
    ("fields", "is_endpoint"),
    [
        ({}, False),
        ({"judge_model": "builtin/ember"}, False),
        ({"judge_api_key_env": "KEY"}, True),
        ({"judge_api_base": "http://127.0.0.1:8000/v1"}, True),
    ],
)
def test_where_a_judge_is(fields: dict[str, Any], is_endpoint: bool) -> None:
    assert judge(**fields).is_endpoint is is_endpoint


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"min_score": 0.5}, "greater than or equal to 1"),
        ({"min_score": 11}, "less than or equal to 10"),
        ({"min_win_rate": 1.5}, "less than or equal to 1"),
        ({"max_unscored_ratio": 1.0}, "less than 1"),
        ({"batch_size": 0}, "greater than or equal to 1"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"judge_model": ""}, "at least 1 character"),
        ({"judge_model_revision": "main", "judge_api_key_env": "KEY"}, "only a local judge can be pinned"),
        ({"input_usd_per_million_tokens": 1.0}, "needed for a cost"),
        ({"max_cost_usd": 1.0, "judge_api_key_env": "KEY"}, "cannot be counted without its prices"),
        ({"max_cost_usd": 1.0, "more_judges": [{"judge_api_base": "https://a.example"}]}, "cannot be counted"),
        ({"min_win_rate": 0.5, "compare_with_base": False}, "nothing to win against"),
        ({"more_judges": [{"judge_model": "gpt-4o"}]}, "named twice"),
        ({"more_judges": [{"enabled": True}]}, "Extra inputs"),
        ({"judge": "gpt-4o"}, "Extra inputs"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        judge(**fields)


def test_a_limit_on_spending_with_all_prices() -> None:
    assert judge(max_cost_usd=1.0, judge_api_key_env="KEY", more_judges=[{"judge_model": "local"}], **PRICES).judges
