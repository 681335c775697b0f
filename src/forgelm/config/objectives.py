"""The part of ``training`` that says what is learnt: the trainer, and the numbers that belong to one trainer each."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from forgelm.config.section import Place, Revision, Section, read_number, refuse

TrainerType = Literal["sft", "dpo", "simpo", "kto", "orpo", "grpo"]
DpoLoss = Literal[
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
]
_OTHER_NAME = "grpo_max_new_tokens"
_SMOOTHED = ("robust", "exo_pair")
Weight = Annotated[float, Field(gt=0)]


class ObjectiveConfig(Section):
    """What is learnt, and how strongly."""

    trainer_type: TrainerType = Field("sft", description="Training objective.")
    loss_type: DpoLoss = Field("sigmoid", description="Loss of dpo, by TRL's names.")
    dpo_beta: float = Field(
        0.1, gt=0, description="How closely dpo stays to the model it began with: higher is closer."
    )
    precompute_ref_log_probs: bool | None = Field(
        None,
        description="Ask the reference of dpo once, before training, not in each step; null: with several epochs.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="Share of preferences taken to be the wrong way round, in simpo and in robust or exo_pair dpo.",
    )
    simpo_beta: float = Field(2.0, gt=0, description="Scale of simpo's rewards.")
    simpo_gamma: float = Field(0.5, ge=0, description="Margin by which simpo wants the chosen reply to win.")
    orpo_beta: float = Field(0.1, gt=0, description="Weight of orpo's odds ratio beside the loss on the chosen reply.")
    kto_beta: float = Field(0.1, gt=0, description="How closely kto stays to the model it began with.")
    desirable_weight: float = Field(1.0, gt=0, description="Weight of good replies in kto.")
    undesirable_weight: float = Field(1.0, gt=0, description="Weight of bad replies in kto.")
    grpo_num_generations: int = Field(4, ge=2, description="Replies drawn for each prompt, compared with each other.")
    grpo_max_completion_length: int = Field(
        512,
        ge=1,
        description="Most tokens of a drawn reply; grpo_max_new_tokens is another name for it.",
    )
    grpo_temperature: float = Field(1.0, gt=0, description="Temperature at which replies are drawn.")
    grpo_top_p: float = Field(1.0, gt=0, le=1, description="Share of the probability that replies are drawn from.")
    grpo_top_k: int = Field(0, ge=0, description="Number of likeliest tokens that replies are drawn from; 0 means all.")
    grpo_beta: float = Field(0.0, ge=0, description="Weight of the distance (KL) from the model grpo began with.")
    grpo_rewards: list[str] | None = Field(
        None,
        min_length=1,
        description="Rewards: format, length, combined, correctness, or functions as module:name or file.py:name.",
    )
    grpo_reward_weights: list[Weight] | None = Field(
        None, description="Weight of each reward, in the order of grpo_rewards; null weighs all alike."
    )
    grpo_reward_model: Place | None = Field(
        None, description="Model with one output that scores replies, in place of the built-in rewards."
    )
    grpo_reward_model_revision: Revision | None = Field(
        None, description="Commit, tag or branch that the reward model is pinned to."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_other_name(cls, section: Any) -> Any:
        """``grpo_max_new_tokens`` is a lasting second name."""
        if not isinstance(section, dict) or _OTHER_NAME not in section:
            return section
        if "grpo_max_completion_length" in section:
            raise refuse(_OTHER_NAME, "is another name for grpo_max_completion_length", "keep one of them")
        renamed = {key: value for key, value in section.items() if key != _OTHER_NAME}
        return {**renamed, "grpo_max_completion_length": section[_OTHER_NAME]}

    @field_validator("grpo_reward_weights", mode="before")
    @classmethod
    def _read_weights(cls, value: Any) -> Any:
        return [read_number(item) for item in value] if isinstance(value, (list, tuple)) else value

    @field_validator("grpo_rewards", mode="before")
    @classmethod
    def _read_one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_losses(self) -> Self:
        if self.loss_type == "exo_pair" and self.label_smoothing == 0:
            raise refuse("label_smoothing", "loss_type exo_pair needs it to be above 0", "1e-3 is the paper's value")
        return self

    @model_validator(mode="after")
    def _check_rewards(self) -> Self:
        if self.grpo_reward_model_revision is not None and self.grpo_reward_model is None:
            raise refuse("grpo_reward_model_revision", "there is no grpo_reward_model that it could pin")
        if self.grpo_reward_model is not None and self.grpo_rewards is not None:
            raise refuse("grpo_rewards", "grpo_reward_model takes the place of the rewards", "keep one of them")
        if self.grpo_reward_weights is None:
            return self
        if len(self.grpo_reward_weights) != len(self.grpo_rewards or ()):
            raise refuse(
                "grpo_reward_weights",
                f"has {len(self.grpo_reward_weights)} weights for {len(self.grpo_rewards or ())} rewards",
                "name the rewards in grpo_rewards and give each one weight",
            )
        return self


_PREFERENCE = ("dpo", "simpo", "kto", "orpo")
# The trainers that look at a field; whoever sets it for another one is told that nothing comes of it.
READ_BY = MappingProxyType(
    {
        "loss_type": ("dpo",),
        "dpo_beta": ("dpo",),
        "precompute_ref_log_probs": ("dpo",),
        "label_smoothing": ("dpo", "simpo"),
        "simpo_beta": ("simpo",),
        "simpo_gamma": ("simpo",),
        "orpo_beta": ("orpo",),
        "kto_beta": ("kto",),
        "desirable_weight": ("kto",),
        "undesirable_weight": ("kto",),
        "packing": ("sft",),
        "padding_free": ("sft",),
        "assistant_only_loss": ("sft",),
        "completion_only_loss": ("sft",),
        "early_stopping_patience": ("sft", *_PREFERENCE),
        "memory_probe": ("sft", *_PREFERENCE),
        "eval_steps": ("sft", *_PREFERENCE),
        "per_device_eval_batch_size": ("sft", *_PREFERENCE),
        **{name: ("grpo",) for name in ObjectiveConfig.model_fields if name.startswith("grpo_")},
    }
)


def find_unread(training: ObjectiveConfig) -> Iterator[str]:
    """Yield a sentence for every field that was set although the chosen trainer never looks at it."""
    for name, trainers in READ_BY.items():
        if name in training.model_fields_set and training.trainer_type not in trainers:
            yield f"training.{name} is set, but has no effect with trainer_type={training.trainer_type}"
    if training.trainer_type == "dpo" and training.label_smoothing and training.loss_type not in _SMOOTHED:
        yield f"training.label_smoothing is set, but has no effect with loss_type={training.loss_type}"
