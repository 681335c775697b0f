"""The section ``evaluation.memorisation``: what a model may remember of its training rows word for word."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from forgelm.config.section import Section, refuse

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class MemorisationConfig(Section):
    """Planted canaries, and evaluation rows that are training rows too. Canaries change the training data."""

    enabled: bool = Field(False, description="Whether canaries are planted and looked for, and overlap is counted.")
    canaries: int = Field(
        16, ge=0, le=10_000, description="Made-up secrets added to the training rows, by the seed; 0 plants none."
    )
    repeats: int = Field(1, ge=1, le=1_000, description="How often each canary stands among the training rows.")
    references: int = Field(
        255,
        ge=15,
        le=65_535,
        description="Other secrets that each canary is ranked among; more of them measure higher exposures.",
    )
    max_extraction_rate: Share | None = Field(
        None, description="Greatest share of canaries that the model completes word for word."
    )
    max_exposure: float | None = Field(None, ge=0.0, description="Greatest mean exposure of the canaries, in bits.")
    max_overlap: Share | None = Field(
        None, description="Greatest share of validation rows and benchmark questions that are in the training rows."
    )
    ngram: int = Field(13, ge=5, le=50, description="Words in a row that must agree for text to count as shared.")
    gate_on: Literal["point", "bound"] = Field(
        "point", description="What the limits look at: the value, or also the far end of its 95 % interval."
    )

    @property
    def measurable_bits(self) -> float:
        """The exposure of a canary that is likelier than every reference."""
        return math.log2(self.references + 1)

    @model_validator(mode="after")
    def _limits_can_be_missed(self) -> Self:
        if not self.enabled:
            return self
        for name in ("max_extraction_rate", "max_exposure"):
            if getattr(self, name) is not None and self.canaries == 0:
                raise refuse(name, "there is nothing to measure it on: no canary is planted", "set canaries: 16")
        if self.max_exposure is not None and self.max_exposure >= self.measurable_bits:
            raise refuse(
                "max_exposure",
                f"no model could miss it: {self.references} references measure at most {self.measurable_bits:g} bits",
                "lower it, or raise references",
            )
        return self
