"""Which metric is a task's score, and which scores can be averaged."""

from __future__ import annotations

from typing import Any

import pytest

from forgelm.evaluate.benchmark.answers import Answer, TaskAnswers, choose_metric


def answered(*items: Any, metric: str = "acc,none", better: bool = True, aggregate: Any = None) -> TaskAnswers:
    rows = tuple(Answer(number, item, "", "", "") for number, item in enumerate(items))
    return TaskAnswers("task", metric, better, 0.5, rows, aggregate)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"alias": "t", "acc,none": 0.5, "acc_stderr,none": 0.1, "acc_norm,none": 0.6}, "acc_norm,none"),
        ({"bleu,none": 20.0, "exact_match,strict": 0.4, "exact_match,loose": 0.5}, "exact_match,strict"),
        ({"exact_match,strict": 0.4, "exact_match,none": 0.5}, "exact_match,none"),
        ({"word_perplexity,none": 9.0, "bits_per_byte,none": 1.0}, "word_perplexity,none"),
    ],
)
def test_accuracy_comes_first_and_generations_and_perplexities_are_seen(results: Any, expected: str) -> None:
    assert choose_metric("task", results) == expected


def test_another_metric_can_be_asked_for_with_or_without_its_filter() -> None:
    results = {"exact_match,strict": 0.4, "exact_match,loose": 0.5, "f1,loose": 0.3}
    assert choose_metric("task", results, {"task": "exact_match,loose"}) == "exact_match,loose"
    assert choose_metric("task", results, {"task": "f1"}) == "f1,loose"
    with pytest.raises(LookupError, match=r"no metric 'rouge'; it has exact_match,strict, "):
        choose_metric("task", results, {"task": "rouge"})
    with pytest.raises(LookupError, match="gives no number"):
        choose_metric("task", {"alias": "task", "acc,none": "N/A"})


def test_only_scores_from_0_to_1_of_which_more_is_better_are_shares() -> None:
    assert answered(0.0, 1.0, 0.5).is_share
    assert not answered(0.0, 3.0).is_share
    assert not answered(0.0, 1.0, better=False).is_share
    assert answered((1, 0), metric="f1,none", aggregate=max).is_share
    assert not answered((1, 0), metric="bleu,none", aggregate=max).is_share
