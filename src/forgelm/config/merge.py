"""The section ``merge``: several fine-tunes of one base model into one."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from forgelm.config.section import Place, Revision, Section, refuse


class MergeSource(Section):
    """One model or adapter that is merged."""

    path: Place = Field(description="Folder of an adapter or a whole model, or the hub id of a model.")
    weight: float = Field(1.0, ge=0, description="Its share; shares are divided by their sum.")
    revision: Revision | None = Field(None, description="Commit, branch or tag, for a hub id.")


class MergeConfig(Section):
    """What ``forgelm merge`` makes of several models. Differences are taken from ``model.name_or_path``."""

    enabled: bool = Field(False, description="Whether forgelm merge may use this section; training never does.")
    method: Literal["ties", "dare", "slerp", "linear"] = Field("ties", description="How tensors are merged.")
    models: list[MergeSource] = Field(default_factory=list, description="What is merged: two or more.")
    output_dir: Place = Field("./merged_model", description="Where the merged model goes; it must not exist yet.")
    ties_trim_fraction: float = Field(
        0.2, ge=0, le=1, description="ties: share of each difference, the smallest numbers, that is left out."
    )
    dare_drop_rate: float = Field(0.3, ge=0, le=1, description="dare: probability with which a number is left out.")
    dare_seed: int = Field(42, ge=0, description="dare: decides which numbers are left out.")

    @model_validator(mode="after")
    def _enough_to_merge(self) -> Self:
        if self.enabled and len(self.models) < 2:
            raise refuse("models", f"merging needs at least two models, and {len(self.models)} are listed")
        if self.models and not sum(source.weight for source in self.models):
            raise refuse("models", "the weights of the models add up to 0")
        return self
