"""What the section ``evaluation`` asks for, measured when a run has ended: the base beside the trained model."""

from __future__ import annotations

from pathlib import Path

from finetune_cli.core.exceptions import DatasetError
from finetune_cli.core.pipeline import PipelineConfig
from finetune_cli.data.pipeline import prepare_dataset
from finetune_cli.evaluation.report import BenchmarkReport
from finetune_cli.evaluation.runner import BenchmarkRunner
from finetune_cli.models.folders import load_any
from finetune_cli.models.loader import load_model_and_tokenizer
from forgelm.base.files import write_json
from forgelm.model.load import release_memory

REPORT_FILE = "benchmark_report.json"


def evaluate_run(pipeline: PipelineConfig, trained: Path) -> BenchmarkReport | None:
    """Return both models' scores on the rows held out of the training, written beside the run; ``None`` if not asked.

    Raises:
        DatasetError: no rows were held out.
        EvaluationError: a metric cannot be computed.
    """
    if pipeline.evaluation is None:
        return None
    parts = pipeline.to_config()
    model, tokenizer = load_model_and_tokenizer(parts["model"])
    rows = prepare_dataset(parts["dataset"], parts["tokenization"], tokenizer, split_for_validation=True)
    if "validation" not in rows:
        raise DatasetError("there are no held-out rows to evaluate on")
    runner = BenchmarkRunner(parts["evaluation"], tokenizer)
    base = runner.evaluate(model, rows["validation"], "base")
    del model
    release_memory()
    tuned, tokenizer = load_any(str(trained), pipeline.model.name, parts["model"])
    report = BenchmarkReport(base, runner.evaluate(tuned, rows["validation"], "fine-tuned"))
    write_json(parts["training"].output_dir / REPORT_FILE, report.as_record())
    return report
