"""The section ``evaluation``: what the trained model must reach, and what happens when it does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from forgelm.config.approval import ApprovalConfig
from forgelm.config.benchmark import BenchmarkConfig
from forgelm.config.judge import JudgeConfig
from forgelm.config.memorisation import MemorisationConfig
from forgelm.config.safety import SafetyConfig
from forgelm.config.section import Section
from forgelm.config.text_metrics import TextMetricsConfig


class EvaluationConfig(Section):
    """The gates a trained model passes before it is promoted."""

    auto_revert: bool = Field(False, description="Move a model that fails a gate to quarantine instead of keeping it.")
    max_acceptable_loss: float | None = Field(None, description="Ceiling of the validation loss after training.")
    baseline_loss: float | None = Field(
        None,
        description="Loss the trained model must not exceed; null is the base model's own under auto_revert.",
    )
    loss_gate_on: Literal["point", "bound"] = Field(
        "point", description="What the loss limits look at: the value, or also the far end of its 95 % interval."
    )
    min_reward: float | None = Field(None, description="Least mean reward of grpo's model on the validation rows.")
    memorisation: MemorisationConfig | None = Field(
        None, description="Planted canaries, and evaluation texts that are training rows too."
    )
    benchmark: BenchmarkConfig | None = Field(None, description="Benchmarks of the harness, or of your own.")
    on_inconclusive: Literal["fail", "hold", "pass"] = Field(
        "hold",
        description="What follows when a value meets its limit by less than its interval: hold asks a person, exit 4.",
    )
    text: TextMetricsConfig | None = Field(None, description="Replies to held-out prompts, scored against the data's.")
    safety: SafetyConfig | None = Field(
        None, description="Requests the model is tried with, the guards that judge its answers, and their limits."
    )
    require_human_approval: bool = Field(
        False, description="Hold the model until a person approves it; the command then ends with exit code 4."
    )
    approval: ApprovalConfig | None = Field(None, description="Who may approve a held model, how many, how long.")
    llm_judge: JudgeConfig | None = Field(None, description="Points and comparisons by a judging model.")
    staging_ttl_days: int | None = Field(
        None,
        ge=0,
        exclude=True,
        description="Deprecated: write 'retention.staging_ttl_days'.",
        json_schema_extra={"deprecated": True},
    )
