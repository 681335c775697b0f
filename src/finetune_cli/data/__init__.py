"""Datasets: found, recognised, tokenised with the right tokens to learn."""

from __future__ import annotations

from finetune_cli.data.layout import detect_columns
from finetune_cli.data.pipeline import DataPipeline, prepare_dataset, quick_load
from finetune_cli.data.statistics import DatasetAnalyzer

__all__ = ["DataPipeline", "DatasetAnalyzer", "detect_columns", "prepare_dataset", "quick_load"]
