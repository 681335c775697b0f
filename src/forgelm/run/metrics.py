"""What was measured in a run to the flat numbers that its result, its manifest and its card show."""

from __future__ import annotations

from forgelm.evaluate.measurement import Measurement
from forgelm.train.loop import Outcome


def build_metrics(outcome: Outcome, measured: tuple[Measurement, ...]) -> dict[str, float]:
    """Return the numbers of a run by name: its training, and each measurement beside the base model's value."""
    metrics = {"train_loss": outcome.train_loss, "train_steps": float(outcome.steps)}
    for measurement in measured:
        if measurement.name == "self_check" or measurement.value is None:
            continue
        name = measurement.name.replace(".", "/", 1)
        metrics[name] = measurement.value
        if measurement.baseline is not None:
            metrics[f"baseline_{name}"] = measurement.baseline
        for detail in ("perplexity", "accuracy", "baseline_accuracy", "margin", "baseline_margin"):
            if measurement.details.get(detail) is not None:
                metrics[detail] = measurement.details[detail]
        metrics |= measurement.details.get("metrics", {})
    return metrics
