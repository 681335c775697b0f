"""The section ``monitoring``: where a run's numbers go while it trains, and what is left for those who watch it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import Field, field_serializer, field_validator, model_validator

from forgelm.base.redact import REDACTED
from forgelm.config.section import Place, Section, refuse
from forgelm.config.webhook import hide_path


class MonitoringConfig(Section):
    """A heartbeat file in any case; numbers for Prometheus, for a StatsD agent such as Datadog's, or for a URL."""

    enabled: bool = Field(False, description="Write the heartbeat file and export the run's numbers.")
    endpoint: str = Field(
        "", description="prometheus: a Pushgateway's URL; datadog: host:port of the agent; custom_webhook: the URL."
    )
    endpoint_env: str | None = Field(None, min_length=1, description="Environment variable with the endpoint.")
    metrics_export: Literal["none", "prometheus", "datadog", "custom_webhook"] = Field(
        "none", description="Who gets the numbers."
    )
    alert_on_drift: bool = Field(
        True, description="Warn when a result is worse than that of the last run in the same output_dir."
    )
    drift_tolerance: float = Field(
        0.1, ge=0, description="How much worse, as a share of the last run's result, is drift."
    )
    check_interval_hours: int = Field(
        24, ge=1, description="When the next run or check is due: in the heartbeat file, and as a number to alert on."
    )
    interval_seconds: float = Field(15.0, ge=1, description="Time between two exports.")
    heartbeat_file: Place | None = Field(None, description="Null is monitoring/heartbeat.json in output_dir.")
    prometheus_file: Place | None = Field(
        None, description="For the node exporter's textfile collector; null is monitoring/metrics.prom in output_dir."
    )
    prometheus_port: int | None = Field(
        None, ge=1, le=65535, description="Port of 127.0.0.1 at which Prometheus may ask while the run lasts."
    )
    allow_private_destinations: bool = Field(
        False, description="Let the endpoint be on this machine or in a private network."
    )
    tls_ca_bundle: Place | None = Field(None, description="PEM file of authorities to trust instead of the system's.")

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, value: str) -> str:
        if REDACTED in value:
            raise ValueError("is that of a redacted copy; put it in, or name its variable with endpoint_env")
        return value

    @model_validator(mode="after")
    def _check_there_is_somebody(self) -> Self:
        named = bool(self.endpoint) or self.endpoint_env is not None
        if self.enabled and self.metrics_export == "custom_webhook" and not named:
            raise refuse("endpoint", "custom_webhook needs a URL to send to", "set endpoint or endpoint_env")
        if self.enabled and self.metrics_export == "none" and named:
            raise refuse("endpoint", "metrics_export is none, so nothing is sent there", "set metrics_export")
        if self.metrics_export != "prometheus" and (self.prometheus_file or self.prometheus_port):
            which = "prometheus_file" if self.prometheus_file else "prometheus_port"
            raise refuse(which, f"metrics_export is {self.metrics_export}", "set metrics_export: prometheus")
        return self

    @field_serializer("endpoint")
    def _hide_endpoint(self, value: str) -> str:
        return hide_path(value) if "://" in value else value

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, hide_path(value) if name == "endpoint" and "://" in value else value
