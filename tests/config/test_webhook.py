"""A webhook's URL is read, checked, and shown to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from forgelm.base.redact import REDACTED
from forgelm.config.root import ForgeConfig
from forgelm.config.webhook import WebhookConfig, hide_path

URL = "https://hooks.slack.com/services/T00/B00/verysecretpath"
WHOLE = {"model": {"name_or_path": "m"}, "lora": {}, "training": {}, "data": {"dataset_name_or_path": "d"}}


def test_the_contracts_defaults() -> None:
    found = WebhookConfig(url=URL)
    assert (found.notify_on_start, found.notify_on_success, found.notify_on_failure) == (True, True, True)
    assert (found.timeout, found.allow_private_destinations, found.require_https) == (10, False, False)
    assert (found.url, found.url_env, found.tls_ca_bundle) == (URL, None, None)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "nobody to tell"),
        ({"url": ""}, "at least 1 character"),
        ({"url": hide_path(URL)}, "redacted copy"),
        ({"url": URL, "timeout": 0}, "greater than or equal to 1"),
        ({"url": URL, "max_attempts": 0}, "greater than or equal to 1"),
        ({"url": URL, "format": "irc"}, "'auto', 'generic', 'slack' or 'teams'"),
        ({"url": URL, "notify_on_end": True}, "Extra inputs"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        WebhookConfig.model_validate(fields)


def test_no_dump_and_no_repr_shows_the_path() -> None:
    config = ForgeConfig(**WHOLE, webhook={"url": URL})
    shown = [
        config.to_yaml(),
        repr(config),
        str(config.webhook),
        json.dumps(config.model_dump()),
        config.model_dump_json(),
    ]
    assert [text for text in shown if "verysecret" in text] == []
    assert all("hooks.slack.com" in text for text in shown)
    other = ForgeConfig(**WHOLE, webhook={"url": URL.replace("verysecret", "another")})
    assert config.config_hash == other.config_hash


@pytest.mark.parametrize("url", ["not a url", "https://", "https://[", "/path"])
def test_what_is_no_url_is_hidden_whole(url: str) -> None:
    assert hide_path(url) == REDACTED
