"""One run tells its webhook and its watchers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import Answer, serving

from forgelm.base.errors import ConfigError
from forgelm.config.root import ForgeConfig
from forgelm.run.audience import check_audience
from forgelm.run.single import run_single

Make = Callable[..., ForgeConfig]


def test_a_run_that_fails_is_told_to_both(make_config: Make, tmp_path: Path) -> None:
    with serving(lambda _: Answer()) as server:
        where = {"allow_private_destinations": True}
        config = make_config(
            data={"dataset_name_or_path": str(tmp_path / "none.jsonl")},
            webhook={"url": f"{server.url}/hook", **where},
            monitoring={
                "enabled": True,
                "metrics_export": "custom_webhook",
                "endpoint": f"{server.url}/watch",
                **where,
            },
        )
        with pytest.raises(ConfigError):
            run_single(config)
        told = {asked.path: asked.json()["event"] for asked in server.asked}
    assert told == {"/hook": "training.failure", "/watch": "monitoring.metrics"}
    beat = json.loads((tmp_path / "run" / "monitoring" / "heartbeat.json").read_text())
    assert (beat["ended"], beat["success"], beat["last_event"]) == (1, 0, "pipeline.failed")


@pytest.mark.parametrize("name", ["webhook", "monitoring"])
def test_both_are_checked_before_a_run(make_config: Make, name: str) -> None:
    fields = {"url": "https://10.0.0.1/"}
    if name == "monitoring":
        fields = {"enabled": True, "metrics_export": "custom_webhook", "endpoint": "https://10.0.0.1/"}
    with pytest.raises(ConfigError, match=f"{name}.allow_private_destinations"):
        check_audience(make_config(**{name: fields}))
