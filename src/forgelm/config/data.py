"""The section ``data``: which rows are trained on, how they are read, and what is declared about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from forgelm.config.declarations import DatasetDeclaration, Said
from forgelm.config.section import Place, Section, read_number, refuse

Column = Literal[
    "messages",
    "prompt",
    "completion",
    "text",
    "system",
    "instruction",
    "input",
    "output",
    "chosen",
    "rejected",
    "label",
    "question",
]
Shape = Literal[
    "auto",
    "messages",
    "sharegpt",
    "alpaca",
    "prompt_completion",
    "text",
    "preference",
    "unpaired_preference",
    "prompt_only",
]
Weight = Annotated[float, Field(ge=0)]


class GovernanceConfig(Section):
    """What Article 10 of the EU AI Act asks to be said about the data."""

    collection_method: str = Field("", description="How the data was gathered.")
    annotation_process: str = Field("", description="How the data was labelled.")
    known_biases: str = Field("", description="Biases the data is known to have.")
    personal_data_included: bool = Field(False, description="Whether the data contains personal data.")
    dpia_completed: bool = Field(False, description="Whether a data protection impact assessment was made.")
    design_choices: Said | None = Field(None, description="Choices made in designing the data set.")
    data_preparation: Said | None = Field(None, description="Cleaning, enrichment and aggregation before this run.")
    assumptions: Said | None = Field(None, description="What the data is supposed to measure and represent.")
    suitability: Said | None = Field(None, description="Whether enough suitable data was available.")
    bias_examination: Said | None = Field(None, description="How the data was examined for harmful biases.")
    bias_measures: Said | None = Field(None, description="What was done to detect, prevent and reduce such biases.")
    gaps: Said | None = Field(None, description="Gaps and shortcomings of the data, and how they are addressed.")
    representativeness: Said | None = Field(None, description="For whom it is representative, and how that is known.")
    setting: Said | None = Field(
        None, description="Geographical, contextual, behavioural or functional setting the data fits."
    )
    datasets: list[DatasetDeclaration] = Field(default_factory=list, description="Declarations, dataset by dataset.")


class DataConfig(Section):
    """Which rows are trained on and how they are read."""

    dataset_name_or_path: Place = Field(description="Local file or folder, or hub id, of the training data.")
    extra_datasets: list[Place] | None = Field(
        None, description="More datasets to mix in, each a file, folder or hub id."
    )
    mix_ratio: list[Weight] | None = Field(
        None, description="Weight of each dataset, the main one first; null takes every row of all of them."
    )
    shuffle: bool = Field(True, description="Shuffle the training rows, the same way for the same seed.")
    clean_text: bool = Field(True, description="Drop control characters and unify line ends; spaces stay as they are.")
    add_eos: bool = Field(True, description="End every sample with the end-of-sequence token.")
    governance: GovernanceConfig | None = Field(None, description="Declarations about the data for Article 10.")
    format: Shape = Field("auto", description="Shape of the rows; auto recognises it from the columns.")
    columns: dict[Column, str] = Field(
        default_factory=dict, description="Column that holds each part, where the file uses another name for it."
    )
    validation_split_ratio: float | None = Field(
        None, gt=0, lt=1, description="Share of the rows held out when there is no validation split; null chooses it."
    )
    max_tokens_lost: float = Field(
        0.01, ge=0, le=1, description="Largest share of target tokens that may be cut or dropped before the run fails."
    )

    @field_validator("mix_ratio", mode="before")
    @classmethod
    def _read_weights(cls, value: Any) -> Any:
        return [read_number(item) for item in value] if isinstance(value, (list, tuple)) else value

    @field_validator("columns", mode="after")
    @classmethod
    def _check_columns(cls, value: dict[Column, str]) -> dict[Column, str]:
        if any(not name.strip() for name in value.values()):
            raise ValueError("a column name must not be blank")
        if len(set(value.values())) != len(value):
            raise ValueError("two parts cannot come from the same column")
        return value

    @model_validator(mode="after")
    def _check_declared_datasets(self) -> Self:
        used = (self.dataset_name_or_path, *(self.extra_datasets or ()))
        declared = [item.name for item in self.governance.datasets] if self.governance else []
        for name in declared:
            if name not in used:
                raise refuse(
                    "governance", f"datasets declares {name!r}, which is not trained on", f"one of: {', '.join(used)}"
                )
        if len(set(declared)) != len(declared):
            raise refuse("governance", "datasets declares the same dataset twice")
        return self

    @model_validator(mode="after")
    def _check_mix_ratio(self) -> Self:
        if self.mix_ratio is None:
            return self
        needed = 1 + len(self.extra_datasets or ())
        if len(self.mix_ratio) != needed:
            raise refuse(
                "mix_ratio",
                f"has {len(self.mix_ratio)} weights for {needed} datasets",
                "give one weight to dataset_name_or_path, then one to each of extra_datasets",
            )
        if not any(self.mix_ratio):
            raise refuse("mix_ratio", "the weights must not all be 0")
        return self
