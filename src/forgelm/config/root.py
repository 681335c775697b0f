"""``ForgeConfig``: every section of one YAML file, checked together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from forgelm.base.errors import ConfigError
from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.base.redact import redact
from forgelm.config.data import DataConfig
from forgelm.config.distributed import DistributedConfig
from forgelm.config.evaluation import EvaluationConfig
from forgelm.config.explain import Finding, explain, summarise
from forgelm.config.export import ExportConfig
from forgelm.config.governance import AuthConfig, ComplianceConfig, RiskAssessmentConfig
from forgelm.config.merge import MergeConfig
from forgelm.config.model import LoraConfig, ModelConfig
from forgelm.config.monitoring import MonitoringConfig
from forgelm.config.pipeline import PipelineConfig
from forgelm.config.retention import RetentionConfig
from forgelm.config.rules import find_conflicts, find_warnings
from forgelm.config.section import Section, log_warning, warn_deprecated
from forgelm.config.synthetic import SyntheticConfig
from forgelm.config.training import TrainingConfig
from forgelm.config.webhook import WebhookConfig


class ForgeConfig(Section):
    """The whole configuration of a run. It never changes: ``replace`` returns another one.

    Raises:
        ConfigError: something in it is wrong; ``problems`` lists every finding.
    """

    model: ModelConfig = Field(description="The base model and how it is loaded.")
    lora: LoraConfig | None = Field(description="The adapter; null trains all weights of the model.")
    training: TrainingConfig = Field(description="How the model is trained and where the run is written.")
    data: DataConfig = Field(description="The rows to train on.")
    auth: AuthConfig | None = Field(None, description="Credentials.")
    distributed: DistributedConfig | None = Field(None, description="How several processes share the training.")
    evaluation: EvaluationConfig | None = Field(None, description="What the trained model must reach.")
    export: ExportConfig | None = Field(None, description="A file of the promoted model for other programs to run.")
    merge: MergeConfig | None = Field(None, description="What forgelm merge makes of several models.")
    synthetic: SyntheticConfig | None = Field(None, description="Rows that a teacher writes, for --generate-data.")
    compliance: ComplianceConfig | None = Field(None, description="Who provides the system and what it is for.")
    risk_assessment: RiskAssessmentConfig | None = Field(None, description="The declared risk assessment.")
    monitoring: MonitoringConfig | None = Field(None, description="Who watches a run's numbers.")
    webhook: WebhookConfig | None = Field(None, description="Who is told how a run goes.")
    pipeline: PipelineConfig | None = Field(None, description="Stages that are trained one after another.")
    retention: RetentionConfig | None = Field(None, description="How long what a run leaves behind may be kept.")

    def __init__(self, /, **sections: Any) -> None:
        findings: tuple[Finding, ...] = ()
        try:
            super().__init__(**sections)
        except ValidationError as error:
            findings = explain(error, ForgeConfig)
        if not findings:
            for warning in find_warnings(self):
                log_warning(warning)
            findings = find_conflicts(self)
        if findings:
            raise summarise(findings)

    @model_validator(mode="before")
    @classmethod
    def _quantise_only_under_an_adapter(cls, sections: Any) -> Any:
        """Full fine-tuning and FSDP need full weights: 4-bit loading is off unless it was asked for (an error)."""
        if not isinstance(sections, dict) or not (trains_all_weights(sections) or shards_weights(sections)):
            return sections
        model = sections.get("model")
        if isinstance(model, ModelConfig) and "load_in_4bit" not in model.model_fields_set:
            return {**sections, "model": model.model_copy(update={"load_in_4bit": False})}
        if isinstance(model, dict) and "load_in_4bit" not in model:
            return {**sections, "model": {**model, "load_in_4bit": False}}
        return sections

    @model_validator(mode="after")
    def _forward_staging_ttl(self) -> Self:
        days = self.evaluation.staging_ttl_days if self.evaluation else None
        if days is None:
            return self
        warn_deprecated("evaluation.staging_ttl_days", "retention.staging_ttl_days")
        if self.retention is None:
            self._settle("retention", RetentionConfig.model_validate({"staging_ttl_days": days}))
        elif "staging_ttl_days" not in self.retention.model_fields_set:
            self._settle("retention", self.retention.model_copy(update={"staging_ttl_days": days}))
        return self

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the configuration that a mapping of sections describes.

        Raises:
            ConfigError: ``obj`` isn't such a mapping, or something in it is wrong.
        """
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping) or not all(isinstance(key, str) for key in obj):
            raise ConfigError("a configuration is a mapping of section names to sections")
        return cls(**obj)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Return the configuration that a JSON document describes; raises ``ConfigError`` like ``model_validate``."""
        try:
            sections = json.loads(json_data)
        except ValueError as error:
            raise ConfigError(f"not a JSON document: {error}") from error
        return cls.model_validate(sections)

    def replace(self, path: str, value: Any) -> Self:
        """Return a copy in which the key at the dotted ``path`` (``model.offline``) has another value.

        Raises:
            ConfigError: there is no such key, or the value isn't allowed there.
        """
        name, _, key = path.partition(".")
        section = getattr(self, name, None) if name in type(self).model_fields else None
        if not isinstance(section, Section):
            raise ConfigError(f"the configuration has no section '{name}'")
        written = {field: getattr(section, field) for field in section.model_fields_set}
        try:
            changed = type(section).model_validate({**written, key: value})
        except ValidationError as error:
            findings = explain(error, ForgeConfig, (name,))
        else:
            copy = self.model_copy(update={name: changed})
            findings = find_conflicts(copy)
        if findings:
            raise summarise(findings)
        return copy

    @property
    def config_hash(self) -> str:
        """Digest of all values, defaults included and secrets left out: the same for the same run."""
        return f"sha256:{sha256_bytes(canonical_json(self._shown()))}"

    def to_yaml(self) -> str:
        """Return every value, defaults included and secrets hidden, as YAML."""
        return yaml.safe_dump(self._shown(), sort_keys=False, allow_unicode=True)

    def _shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = redact(self.model_dump(mode="json"))
        return shown


def trains_all_weights(sections: Mapping[str, Any]) -> bool:
    """Whether raw sections ask for full fine-tuning."""
    return "lora" in sections and sections["lora"] is None


def shards_weights(sections: Mapping[str, Any]) -> bool:
    """Whether raw sections ask for FSDP."""
    asked = sections.get("distributed")
    return (asked.get("strategy") if isinstance(asked, Mapping) else getattr(asked, "strategy", None)) == "fsdp"
