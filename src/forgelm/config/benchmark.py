"""The section ``evaluation.benchmark``: which tasks of lm-evaluation-harness a model takes, and what it must reach."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from forgelm.config.section import Place, Section, refuse


def _read_batch_size(value: Any) -> Any:
    """Return a batch size as the text it stands for; YAML reads ``8`` as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


BatchSize = Annotated[str, BeforeValidator(_read_batch_size), Field(pattern=r"^(auto|[1-9][0-9]*)$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
TaskName = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]


class BenchmarkConfig(Section):
    """Benchmarks before training and after. A limit that nothing was measured for fails."""

    enabled: bool = Field(False, description="Whether the base and the trained model take the benchmarks.")
    tasks: list[TaskName] = Field(
        default_factory=list, description="Names of tasks, groups or tags of lm-evaluation-harness, or of include_path."
    )
    include_path: list[Place] = Field(
        default_factory=list,
        description="Folders with task files of your own; data files they name are sought beside them.",
    )
    num_fewshot: int | None = Field(
        None, ge=0, description="Solved examples before each question; null is what each task says."
    )
    batch_size: BatchSize = Field("auto", description="Requests the model answers at once: a number, or auto.")
    limit: int | None = Field(None, ge=1, description="Questions taken of each task, from its first; null is all.")
    output_dir: Place | None = Field(
        None, description="Where the results go, inside the run folder; null is benchmark."
    )
    min_score: Share | None = Field(None, description="Least mean score over the tasks that are scored from 0 to 1.")
    min_scores: dict[str, float] = Field(
        default_factory=dict, description="Least score of single tasks, where more is better."
    )
    max_scores: dict[str, float] = Field(
        default_factory=dict, description="Greatest score of single tasks, where less is better, such as perplexity."
    )
    max_drop: Share | None = Field(
        None, description="By how much the mean score may fall below the base model's on the same questions."
    )
    gate_on: Literal["point", "bound"] = Field(
        "bound", description="What the limits look at: the score, or also the far end of its 95 % interval."
    )
    metrics: dict[str, str] = Field(
        default_factory=dict, description="Which of a task's metrics is its score, as metric or metric,filter."
    )
    apply_chat_template: bool | None = Field(
        None, description="Whether questions are put as chat turns; null does so where the model has a chat template."
    )
    system_instruction: str | None = Field(None, description="System turn, or leading text, before every question.")
    compare_with_base: bool = Field(True, description="Whether the base model takes the benchmarks as well.")
    include_eval_samples: bool = Field(
        False, description="Whether the results keep questions and answers as text, not their digests alone."
    )
    allow_unsafe_code: bool = Field(
        False, description="Whether tasks may run code that the model writes, on this machine."
    )

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if not self.enabled:
            return self
        if not self.tasks:
            raise refuse("tasks", "benchmarks are enabled but no task is named", "name at least one, such as arc_easy")
        if len(set(self.tasks)) != len(self.tasks):
            raise refuse("tasks", "a task is named twice")
        for field in ("min_scores", "max_scores"):
            for name in getattr(self, field):
                if name not in self.tasks:
                    raise refuse(field, f"'{name}' is not among the tasks", f"the tasks are {', '.join(self.tasks)}")
        if self.max_drop is not None and not self.compare_with_base:
            raise refuse("max_drop", "a drop can only be measured with compare_with_base: true")
        return self
