"""What a person declares for the documents: statements on items of Annex IV, and what is asked of GPAI providers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from forgelm.config.placeholder import is_placeholder
from forgelm.config.section import Place, Section, refuse

# The items of Annex IV of Regulation (EU) 2024/1689; point 1 and point 2 are stated letter by letter.
AnnexItem = Literal[
    "1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "2a", "2b", "2c", "2d", "2e", "2f", "2g", "2h",
    "3", "4", "5", "6", "7", "8", "9",
]  # fmt: skip


def check_said(value: str) -> str:
    """Return a text that says something, or refuse a placeholder."""
    if is_placeholder(value):
        raise ValueError("is blank or a placeholder, which says nothing; write what is true, or leave the key out")
    return value


def read_day(value: Any) -> Any:
    """Return a date, or refuse what is none: a number would be taken for seconds since 1970."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date, such as 2026-11-20") from None


Said = Annotated[str, AfterValidator(check_said)]
Day = Annotated[date, BeforeValidator(read_day)]


class Statement(Section):
    """What a person states about one item of Annex IV: that it is so, or that it does not apply."""

    statement: Said | None = Field(None, description="What is declared about the item.")
    not_applicable: Said | None = Field(None, description="Why the item does not apply; instead of a statement.")
    file: Place | None = Field(None, description="A document that belongs to the statement; it is copied and pinned.")
    declared_by: Said | None = Field(None, description="Who declares it; null is compliance.declared_by.")
    declared_on: Day | None = Field(None, description="When; null is compliance.declared_on.")

    @model_validator(mode="after")
    def _check_one_thing_is_said(self) -> Self:
        if (self.statement is None) == (self.not_applicable is None):
            raise refuse("statement", "give either a statement or not_applicable with the reason")
        if self.file is not None and self.statement is None:
            raise refuse("file", "an item that does not apply has no document")
        return self


class GpaiConfig(Section):
    """What the documents for general-purpose AI models need and no run can measure (Article 53, Annex XI)."""

    base_training_flop: float | None = Field(
        None, gt=0, description="Operations the base model's own training took; null looks the model up in our table."
    )
    base_training_flop_source: Said | None = Field(None, description="Where that figure was published.")
    base_has_systemic_risk: bool = Field(
        False, description="Whether the base model counts as one with systemic risk (Article 51)."
    )
    earlier_flop: float = Field(
        0.0, ge=0, description="Operations of earlier modifications of the same base model that this run builds on."
    )
    earlier_flop_source: Said | None = Field(None, description="How that figure was arrived at.")
    release_date: Day | None = Field(None, description="When the model is or was released.")
    union_market_date: Day | None = Field(None, description="When it is or was placed on the Union market.")
    distribution_channels: list[Said] = Field(default_factory=list, description="How the model is distributed.")
    licence: Said | None = Field(None, description="Licence of the model: an SPDX or hub identifier, or its name.")
    acceptable_use_policy: Said | None = Field(None, description="The policy, or where it can be read.")
    system_types: Said | None = Field(None, description="Kinds of AI systems the model can be integrated into.")
    integration: Said | None = Field(None, description="Technical means needed to integrate the model.")
    required_hardware: Said | None = Field(None, description="Hardware needed to use the model.")
    required_software: Said | None = Field(None, description="Software needed to use the model.")
    design_choices: Said | None = Field(None, description="Key choices of the training and why they were made.")
    copyright_policy: Said | None = Field(None, description="The policy to respect copyright, or where it can be read.")
    code_of_practice_signatory: bool | None = Field(None, description="Whether the provider signed the GPAI code.")
    illegal_content_measures: Said | None = Field(
        None, description="What was done to keep illegal content out of the training data."
    )
    authorised_representative: Said | None = Field(None, description="Representative in the Union, if there is one.")
    previous_summary: Said | None = Field(None, description="Link to the previous public summary of training content.")

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        if self.base_training_flop is not None and self.base_training_flop_source is None:
            raise refuse(
                "base_training_flop", "needs base_training_flop_source: a figure without a source proves nothing"
            )
        if self.earlier_flop and self.earlier_flop_source is None:
            raise refuse("earlier_flop", "needs earlier_flop_source: a figure without a source proves nothing")
        return self


class DatasetDeclaration(Section):
    """What is declared about one dataset (Article 10(2), and the template for Article 53(1)(d))."""

    name: Place = Field(description="The dataset, written as in dataset_name_or_path or extra_datasets.")
    category: Literal["public", "licensed", "private", "crawled", "user_data", "synthetic", "other"] = Field(
        description="Section of the template for training summaries; 'licensed' is from rights holders."
    )
    obtained: Said | None = Field(None, description="How it was obtained and selected.")
    licence: Said | None = Field(None, description="Licence or terms it is used under.")
    link: Said | None = Field(None, description="Where it can be found.")
    content: Said | None = Field(None, description="What kinds of text it holds.")
    languages: list[Said] = Field(default_factory=list, description="Languages it holds.")
    acquired_on: Day | None = Field(None, description="Latest date on which any of it was acquired.")
    original_purpose: Said | None = Field(None, description="What personal data in it was first collected for.")
    opt_out: Said | None = Field(None, description="How reservations of rights were looked for and respected.")
    generated_by: list[Said] = Field(default_factory=list, description="Models that generated it.")
    crawler: Said | None = Field(None, description="Name, purpose and behaviour of the crawler, and the period.")
    domains: list[Said] = Field(default_factory=list, description="Most crawled domains, largest first.")
    service: Said | None = Field(None, description="Service whose users it comes from.")
