"""Evaluation: metrics, one model's scores, two models side by side."""

from __future__ import annotations

from finetune_cli.evaluation.metrics import (
    AccuracyMetric,
    BleuMetric,
    ExactMatchMetric,
    F1Metric,
    MetricRegistry,
    PerplexityMetric,
    RougeMetric,
)
from finetune_cli.evaluation.report import BenchmarkReport, EvaluationResult
from finetune_cli.evaluation.runner import BenchmarkRunner

__all__ = [
    "AccuracyMetric",
    "BenchmarkReport",
    "BenchmarkRunner",
    "BleuMetric",
    "EvaluationResult",
    "ExactMatchMetric",
    "F1Metric",
    "MetricRegistry",
    "PerplexityMetric",
    "RougeMetric",
]
