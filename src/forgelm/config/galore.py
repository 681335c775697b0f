"""The part of ``training`` about GaLore: an optimizer whose state is kept for a low-rank view of each gradient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from forgelm.config.section import Section, refuse


def _check_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return value


class GaloreConfig(Section):
    """GaLore (Zhao et al. 2024, arXiv:2403.03507), through transformers' own optimizers."""

    galore_enabled: bool = Field(False, description="Use the GaLore optimizer in place of optim.")
    galore_optim: Literal[
        "galore_adamw",
        "galore_adamw_8bit",
        "galore_adafactor",
        "galore_adamw_layerwise",
        "galore_adamw_8bit_layerwise",
        "galore_adafactor_layerwise",
    ] = Field("galore_adamw", description="Variant; 8bit needs a GPU, layerwise steps inside the backward pass.")
    galore_rank: int = Field(128, ge=1, description="Rank of the view of each gradient.")
    galore_update_proj_gap: int = Field(200, ge=1, description="Steps between two choices of the view.")
    galore_scale: float = Field(0.25, gt=0, description="Factor on the updates of the viewed weights.")
    galore_proj_type: Literal["std", "reverse_std", "right", "left", "full"] = Field(
        "std", description="Side of the gradient the view is taken from; std takes the shorter one."
    )
    galore_target_modules: list[Annotated[str, AfterValidator(_check_pattern)]] | None = Field(
        None, min_length=1, description="Regular expressions of module names; null means .*.attn.* and .*.mlp.*."
    )

    @property
    def galore_layerwise(self) -> bool:
        """Whether each weight steps as soon as it has its gradient."""
        return self.galore_enabled and self.galore_optim.endswith("layerwise")

    @model_validator(mode="after")
    def _check_optimizer(self) -> Self:
        if self.galore_enabled and "optim" in self.model_fields_set:
            raise refuse("optim", "galore_enabled chooses the optimizer", "keep one of them")
        return self


def find_galore_conflicts(training: GaloreConfig, *, accumulation: int) -> Iterator[tuple[str, str, str]]:
    """Yield field, reason and remedy of what a layerwise variant cannot be combined with."""
    if training.galore_layerwise and accumulation > 1:
        yield (
            "gradient_accumulation_steps",
            f"{training.galore_optim} steps inside the backward pass, so gradients cannot be added up first",
            "set it to 1",
        )


def find_galore_warnings(training: GaloreConfig, *, adapter: bool) -> Iterator[str]:
    """Yield what a user of these fields should be told."""
    if not training.galore_enabled:
        for name in sorted(training.model_fields_set & set(GaloreConfig.model_fields) - {"galore_enabled"}):
            yield f"training.{name} is set, but has no effect without galore_enabled: true"
        return
    if adapter:
        yield "training.galore_enabled with an adapter views the adapter's own small matrices: 'lora: null' is its use"
    if training.galore_layerwise:
        yield "training.max_grad_norm has no effect with a layerwise GaLore optimizer, which cannot be resumed either"
