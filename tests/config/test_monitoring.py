"""Monitoring says completely who gets which numbers, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from forgelm.base.redact import REDACTED
from forgelm.config.monitoring import MonitoringConfig


def test_the_contracts_defaults() -> None:
    found = MonitoringConfig()
    assert (found.enabled, found.endpoint, found.endpoint_env, found.metrics_export) == (False, "", None, "none")
    assert (found.alert_on_drift, found.check_interval_hours) == (True, 24)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metrics_export": "influx"}, "'none', 'prometheus', 'datadog' or 'custom_webhook'"),
        ({"check_interval_hours": 0}, "greater than or equal to 1"),
        ({"interval_seconds": 0.1}, "greater than or equal to 1"),
        ({"enabled": True, "metrics_export": "custom_webhook"}, "needs a URL"),
        ({"enabled": True, "endpoint": "https://a.example"}, "nothing is sent there"),
        ({"prometheus_port": 9464}, "metrics_export is none"),
        ({"metrics_export": "datadog", "prometheus_file": "m.prom"}, "metrics_export is datadog"),
        ({"endpoint": f"https://a.example/{REDACTED}"}, "redacted copy"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MonitoringConfig.model_validate(fields)


def test_an_endpoints_path_is_hidden_and_an_agents_place_is_not() -> None:
    found = MonitoringConfig(metrics_export="custom_webhook", endpoint="https://a.example/secretpath")
    assert "secretpath" not in repr(found) + found.model_dump_json()
    assert MonitoringConfig(endpoint="127.0.0.1:8125").model_dump()["endpoint"] == "127.0.0.1:8125"
