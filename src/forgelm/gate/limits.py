"""A configuration to the limits its model must meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from forgelm.config.benchmark import BenchmarkConfig
from forgelm.config.export import ExportConfig
from forgelm.config.judge import JudgeConfig
from forgelm.config.memorisation import MemorisationConfig
from forgelm.config.root import ForgeConfig
from forgelm.config.safety import SafetyConfig
from forgelm.config.text_metrics import TextMetricsConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.parity import REPLIES, TOKENS
from forgelm.evaluate.safety.rules import safety_rules
from forgelm.gate.decide import Thresholds
from forgelm.gate.limit import Limit


def build_thresholds(config: ForgeConfig, measured: Sequence[Measurement]) -> Thresholds:
    """Return every limit of ``evaluation``; under ``auto_revert`` the base model's loss or reward is one too."""
    wanted = config.evaluation
    if wanted is None:
        return Thresholds(limits=tuple(_export_limits(config.export)))
    limits = Thresholds(
        limits=(*build_limits(config), *_export_limits(config.export)),
        on_inconclusive=wanted.on_inconclusive,
        loss_gate_on=wanted.loss_gate_on,
    )
    start = _baseline(config, measured) if wanted.auto_revert else None
    if config.training.trainer_type == "grpo":
        required = wanted.auto_revert or wanted.min_reward is not None
        return replace(limits, reward_required=required, min_reward=wanted.min_reward, baseline_reward=start)
    ceilings = (wanted.max_acceptable_loss, wanted.baseline_loss)
    return replace(
        limits,
        loss_required=wanted.auto_revert or any(limit is not None for limit in ceilings),
        max_loss=wanted.max_acceptable_loss,
        baseline_loss=start if wanted.baseline_loss is None else wanted.baseline_loss,
    )


def _baseline(config: ForgeConfig, measured: Sequence[Measurement]) -> float | None:
    name = "eval_reward" if config.training.trainer_type == "grpo" else "eval_loss"
    return next((item.baseline for item in measured if item.name == name), None)


def build_limits(config: ForgeConfig) -> tuple[Limit, ...]:
    """Return the limits of the evaluations that are switched on, in the order of the report."""
    wanted = config.evaluation
    if wanted is None:
        return ()
    return (
        *_text_limits(wanted.text),
        *_safety_limits(wanted.safety),
        *_benchmark_limits(wanted.benchmark),
        *_judge_limits(wanted.llm_judge),
        *_memorisation_limits(wanted.memorisation),
    )


def _text_limits(text: TextMetricsConfig | None) -> Iterator[Limit]:
    if text is None or not text.enabled:
        return
    for metric in text.metrics:
        name, least = f"text.{metric}", text.min_score.get(metric)
        yield Limit(name, name, f"evaluation.text.min_score.{metric}", least, gate_on=text.gate_on)
        if (change := text.min_improvement.get(metric)) is not None:
            key = f"evaluation.text.min_improvement.{metric}"
            yield Limit(f"{name}.improvement", name, key, change, gate_on=text.gate_on, of="change")


def _export_limits(section: ExportConfig | None) -> Iterator[Limit]:
    if section is not None:
        least = section.min_reply_agreement
        yield Limit(TOKENS, TOKENS, "equal token ids in every row,", 1.0, gate_on="point")
        yield Limit(REPLIES, REPLIES, "export.min_reply_agreement", least, gate_on="point")


def _safety_limits(section: SafetyConfig | None) -> tuple[Limit, ...]:
    return tuple(Limit(**asdict(rule)) for rule in safety_rules(section)) if section and section.enabled else ()


def _benchmark_limits(section: BenchmarkConfig | None) -> Iterator[Limit]:
    if section is None or not section.enabled:
        return
    key, on = "evaluation.benchmark", section.gate_on
    if section.min_score is not None:
        yield Limit("benchmark", "benchmark.average", f"{key}.min_score", minimum=section.min_score, gate_on=on)
    for name, least in section.min_scores.items():
        task = f"benchmark.{name}"
        yield Limit(f"benchmark.{name}", task, f"{key}.min_scores.{name}", minimum=least, gate_on=on)
    for name, most in section.max_scores.items():
        task = f"benchmark.{name}"
        yield Limit(f"benchmark.{name}", task, f"{key}.max_scores.{name}", maximum=most, gate_on=on)
    if section.max_drop is not None:
        least = -section.max_drop
        yield Limit("benchmark.drop", "benchmark.average", f"{key}.max_drop", minimum=least, gate_on=on, of="change")
    for name in section.tasks:
        if name not in section.min_scores and name not in section.max_scores:
            yield Limit(f"benchmark.{name}", f"benchmark.{name}", f"{key}.tasks")


def _judge_limits(judge: JudgeConfig | None) -> Iterator[Limit]:
    if judge is None or not judge.enabled:
        return
    key = "evaluation.llm_judge"
    yield Limit("judge", "judge.average_score", f"{key}.min_score", minimum=judge.min_score, gate_on=judge.gate_on)
    if (least := judge.min_win_rate) is not None:
        yield Limit("judge.win_rate", "judge.win_rate", f"{key}.min_win_rate", minimum=least, gate_on=judge.gate_on)


def _memorisation_limits(section: MemorisationConfig | None) -> Iterator[Limit]:
    if section is None or not section.enabled:
        return
    limits = {"extraction_rate": section.max_extraction_rate, "exposure": section.max_exposure}
    for name, most in (limits if section.canaries else {}).items():
        key = f"evaluation.memorisation.max_{name}"
        yield Limit(f"memorisation.{name}", f"memorisation.{name}", key, maximum=most, gate_on=section.gate_on)
    if section.max_overlap is not None:
        key = "evaluation.memorisation.max_overlap"
        name = "memorisation.overlap"
        yield Limit(name, name, key, maximum=section.max_overlap, gate_on=section.gate_on)
