"""The sections ``compliance``, ``risk_assessment`` and ``auth``: what is declared, and the one secret."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field, field_serializer, field_validator

from forgelm.base.redact import REDACTED
from forgelm.config.declarations import AnnexItem, Day, GpaiConfig, Said, Statement
from forgelm.config.section import Section


class RiskTier(StrEnum):
    """Risk classes of the EU AI Act."""

    UNKNOWN = "unknown"
    MINIMAL = "minimal-risk"
    LIMITED = "limited-risk"
    HIGH = "high-risk"
    UNACCEPTABLE = "unacceptable"

    @property
    def is_strict(self) -> bool:
        """Whether this class demands a safety evaluation."""
        return self in (RiskTier.HIGH, RiskTier.UNACCEPTABLE)


class ComplianceConfig(Section):
    """Who provides the system and what it is for (EU AI Act, Article 11 and Annex IV)."""

    provider_name: str = Field("", description="Legal entity that provides the system.")
    provider_contact: str = Field("", description="Contact for regulatory questions.")
    system_name: str = Field("", description="Name of the AI system.")
    intended_purpose: str = Field("", description="What the system is meant for.")
    known_limitations: str = Field("", description="What the system should not be used for, and where it fails.")
    system_version: str = Field("", description="Version of the system.")
    risk_classification: RiskTier = Field(RiskTier.MINIMAL, description="Declared risk class of the system.")
    previous_versions: Said | None = Field(None, description="How this version relates to earlier ones.")
    declared_by: Said | None = Field(
        None, description="Person who makes the declarations of this file; null is who runs the command."
    )
    declared_on: Day | None = Field(None, description="Date of the declarations; null is the date of the run.")
    annex_iv: dict[AnnexItem, Statement] = Field(
        default_factory=dict,
        description="Statements on items of Annex IV, by number: 1a to 1h, 2a to 2h, 3 to 9.",
    )
    gpai: GpaiConfig | None = Field(None, description="Declarations about the model as a general-purpose AI model.")


class RiskAssessmentConfig(Section):
    """The declared risk assessment (EU AI Act, Article 9)."""

    intended_use: str = Field("", description="Use the assessment was made for.")
    foreseeable_misuse: list[str] = Field(default_factory=list, description="Ways the system could be misused.")
    risk_category: RiskTier = Field(RiskTier.MINIMAL, description="Risk class the assessment arrived at.")
    mitigation_measures: list[str] = Field(default_factory=list, description="What is done against the risks.")
    vulnerable_groups_considered: bool = Field(
        False, description="Whether effects on vulnerable groups were considered."
    )


class AuthConfig(Section):
    """Credentials. Every dump and every repr hides them; only the attribute gives the value."""

    hf_token: str | None = Field(
        None,
        description="Hugging Face token; better kept in the environment than in a file.",
        json_schema_extra={"writeOnly": True},
    )

    @field_validator("hf_token")
    @classmethod
    def _check_token(cls, value: str | None) -> str | None:
        if value == REDACTED:
            raise ValueError("is the placeholder of a redacted copy; put the token in, or remove the line")
        if value is not None and (not value or any(char.isspace() or not char.isprintable() for char in value)):
            raise ValueError("must be a token without spaces or line breaks")
        return value

    @field_serializer("hf_token")
    def _hide_token(self, value: str | None) -> str | None:
        return None if value is None else REDACTED

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        yield "hf_token", None if self.hf_token is None else "***"
