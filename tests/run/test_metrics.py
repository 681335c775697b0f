from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from forgelm.evaluate.measurement import Measurement
from forgelm.run.metrics import build_metrics

OUTCOME: Any = SimpleNamespace(train_loss=0.5, steps=7)


def test_training_and_measurements_become_numbers_by_name() -> None:
    measured = (
        Measurement("self_check", 0.0, 3, "difference"),
        Measurement("eval_loss", 1.5, 9, "nats", baseline=2.0, details={"perplexity": 4.5, "accuracy": None}),
        Measurement("text.rouge_l", 0.6, 9, "score"),
        Measurement("eval_reward", None, 0, "reward", problem="no rows"),
    )
    assert build_metrics(OUTCOME, measured) == {
        "train_loss": 0.5,
        "train_steps": 7.0,
        "eval_loss": 1.5,
        "baseline_eval_loss": 2.0,
        "perplexity": 4.5,
        "text/rouge_l": 0.6,
    }
