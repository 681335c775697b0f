"""The section ``evaluation.llm_judge``: which models grade the tuned model's answers, and what grades must reach."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from forgelm.config.section import Place, Revision, Section, refuse


class JudgeModelConfig(Section):
    """One judge: with ``judge_api_base`` or ``judge_api_key_env`` behind an OpenAI-compatible endpoint, else local."""

    judge_model: str = Field("gpt-4o", min_length=1, description="Name at the endpoint, or a local model.")
    judge_api_key_env: str | None = Field(
        None, min_length=1, description="Environment variable that holds the endpoint's key."
    )
    judge_api_base: str | None = Field(
        None,
        min_length=1,
        description="Base URL of the endpoint; null is https://api.openai.com/v1 with a key, a local judge without.",
    )
    judge_model_revision: Revision | None = Field(None, description="Commit, branch or tag of a local judge.")
    input_usd_per_million_tokens: float | None = Field(None, ge=0, description="Price of what the judge reads.")
    output_usd_per_million_tokens: float | None = Field(None, ge=0, description="Price of what the judge writes.")

    @property
    def is_endpoint(self) -> bool:
        return self.judge_api_base is not None or self.judge_api_key_env is not None

    @model_validator(mode="after")
    def _check_revision_is_local(self) -> Self:
        if self.judge_model_revision is not None and self.is_endpoint:
            raise refuse("judge_model_revision", "an endpoint serves what it serves: only a local judge can be pinned")
        return self

    @model_validator(mode="after")
    def _check_prices_come_together(self) -> Self:
        if (self.input_usd_per_million_tokens is None) is not (self.output_usd_per_million_tokens is None):
            missing = "input" if self.input_usd_per_million_tokens is None else "output"
            raise refuse(f"{missing}_usd_per_million_tokens", "needed for a cost: the other price is set")
        return self


class JudgeConfig(JudgeModelConfig):
    """Judging by a model: each answer gets 1 to 10 points, and is compared with the base model's, in both orders."""

    enabled: bool = Field(False, description="Judge the model after training.")
    eval_dataset: Place = Field("eval_prompts.jsonl", description="The prompts: JSON lines with prompt (or text).")
    min_score: float = Field(5.0, ge=1, le=10, description="Least mean points of the answers, 1 to 10.")
    min_win_rate: float | None = Field(
        None, ge=0, le=1, description="Least share of comparisons won against the base model; a tie counts half."
    )
    gate_on: Literal["point", "bound"] = Field(
        "bound", description="What the limits look at: the mean, or also the lower end of its 95 % interval."
    )
    batch_size: int = Field(8, ge=1, description="Answers generated together, and questions at an endpoint at a time.")
    include_eval_samples: bool = Field(False, description="Keep prompts, answers and reasons in judge_results.json.")
    max_new_tokens: int = Field(512, ge=1, description="Longest answer to a prompt.")
    compare_with_base: bool = Field(
        True, description="Let the base model answer too: its points, and which of the two answers is better."
    )
    max_unscored_ratio: float = Field(
        0.1, ge=0, lt=1, description="Share of answers a judge may leave without points; above, nothing was measured."
    )
    rubric: str | None = Field(
        None, min_length=1, description="What a good answer is; null: helpful, right, clear, as asked."
    )
    more_judges: list[JudgeModelConfig] = Field([], description="Further judges; an answer's points are their mean.")
    allow_private_destinations: bool = Field(
        False, description="Let endpoints be on this machine or in a private network, also without TLS."
    )
    tls_ca_bundle: Place | None = Field(None, description="PEM file of authorities to trust for the endpoints.")
    timeout_seconds: float = Field(60.0, gt=0, description="Longest time for one question to an endpoint.")
    max_attempts: int = Field(5, ge=1, description="How often one question is sent when the endpoint is busy or fails.")
    max_cost_usd: float | None = Field(
        None, ge=0, description="Most that a run may spend; needs every endpoint's prices."
    )

    @property
    def judges(self) -> tuple[JudgeModelConfig, ...]:
        return (self, *self.more_judges)

    @model_validator(mode="after")
    def _check_cost_can_be_counted(self) -> Self:
        unpriced = [j.judge_model for j in self.judges if j.is_endpoint and j.input_usd_per_million_tokens is None]
        if self.max_cost_usd is not None and unpriced:
            raise refuse("max_cost_usd", f"the cost of {unpriced[0]} cannot be counted without its prices")
        return self

    @model_validator(mode="after")
    def _check_there_is_a_base_to_win_against(self) -> Self:
        if self.min_win_rate is not None and not self.compare_with_base:
            raise refuse("min_win_rate", "compare_with_base is false, so there is nothing to win against")
        return self

    @model_validator(mode="after")
    def _check_judges_differ(self) -> Self:
        known = {(judge.judge_model, judge.judge_api_base, judge.judge_model_revision) for judge in self.judges}
        if len(known) < len(self.judges):
            raise refuse("more_judges", "the same judge is named twice")
        return self
