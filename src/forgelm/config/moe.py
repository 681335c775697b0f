"""The section ``model.moe``: what is done to the experts of a mixture."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from forgelm.config.section import Section

ALL = "all"


class MoeConfig(Section):
    """Options for mixtures of experts."""

    quantize_experts: bool = Field(
        False, description="Hold the frozen experts in 16 bits where other weights are float32."
    )
    experts_to_train: str = Field(
        ALL, description="Experts whose adapters learn: all, or their numbers from 0, separated by commas."
    )

    @field_validator("experts_to_train", mode="before")
    @classmethod
    def _read_one(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("experts_to_train")
    @classmethod
    def _check_numbers(cls, value: str) -> str:
        if value.strip() == ALL:
            return ALL
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise ValueError("must be all, or whole numbers from 0 separated by commas, such as 0,3")
        return ",".join(parts)

    @property
    def chosen(self) -> tuple[int, ...] | None:
        """The experts by number, ``None`` for all."""
        if self.experts_to_train == ALL:
            return None
        return tuple(sorted({int(part) for part in self.experts_to_train.split(",")}))
