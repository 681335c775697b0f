"""The section ``evaluation.text``: replies to held-out prompts compared with the replies the data has."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from forgelm.config.section import Section, refuse

TextMetric = Literal["exact_match", "token_f1", "rouge1", "rouge2", "rougeL", "bleu", "chrf"]
Score = Annotated[float, Field(ge=0, le=1)]
Change = Annotated[float, Field(ge=-1, le=1)]


def _usual_metrics() -> list[TextMetric]:
    return ["exact_match", "token_f1", "rougeL"]


class TextMetricsConfig(Section):
    """What is compared, on how many rows, and what must be reached. Scores are from 0 to 1, higher is better."""

    enabled: bool = Field(False, description="Generate replies to the validation rows' prompts and score them.")
    metrics: list[TextMetric] = Field(
        default_factory=_usual_metrics,
        min_length=1,
        description="Scores to take; rouge and bleu, chrf need the extra 'eval'.",
    )
    max_samples: int = Field(
        200, ge=1, description="Most validation rows to generate for; of more, a sample drawn by the run's seed."
    )
    max_new_tokens: int = Field(256, ge=1, description="Most tokens of a reply.")
    batch_size: int = Field(16, ge=1, description="Replies generated at once; it changes no reply.")
    min_score: dict[TextMetric, Score] = Field(
        default_factory=dict, description="Least score of the saved model, by metric."
    )
    min_improvement: dict[TextMetric, Change] = Field(
        default_factory=dict, description="Least difference from the base model on the same rows, by metric."
    )
    gate_on: Literal["point", "bound"] = Field(
        "bound", description="What the limits look at: the score, or also the near end of its 95 % interval."
    )
    include_eval_samples: bool = Field(False, description="Keep prompts, replies and references in the result file.")

    @model_validator(mode="after")
    def _limits_are_measured(self) -> Self:
        if len(set(self.metrics)) != len(self.metrics):
            raise refuse("metrics", "a metric is listed twice")
        for field in ("min_score", "min_improvement"):
            for metric in getattr(self, field):
                if metric not in self.metrics:
                    raise refuse(field, f"'{metric}' has a limit and is not in metrics")
        return self
