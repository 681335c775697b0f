"""The token is readable as an attribute and nowhere else."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from forgelm.base.errors import ConfigError
from forgelm.config import AuthConfig, RiskTier

TOKEN = "hunter2hunter2"


def test_token_is_in_no_rendering(build: Any) -> None:
    config = build(auth={"hf_token": TOKEN})
    assert config.auth.hf_token == TOKEN
    renderings = [
        repr(config),
        str(config),
        f"{config}",
        repr(config.auth),
        str(config.auth),
        str(config.model_dump()),
        config.model_dump_json(),
        config.to_yaml(),
        str(config.auth.model_dump()),
        config.auth.model_dump_json(),
        str(config.__rich_repr__),
        str(list(config.auth.__rich_repr__())),
    ]
    assert not [text for text in renderings if TOKEN in text]


def test_token_is_replaced_by_markers(build: Any) -> None:
    config = build(auth={"hf_token": TOKEN})
    assert config.model_dump()["auth"] == {"hf_token": "***REDACTED***"}
    assert json.loads(config.model_dump_json())["auth"] == {"hf_token": "***REDACTED***"}
    assert repr(config.auth) == "AuthConfig(hf_token='***')"
    assert AuthConfig().model_dump() == {"hf_token": None}


def test_hash_does_not_depend_on_the_token(build: Any) -> None:
    assert build(auth={"hf_token": TOKEN}).config_hash == build(auth={"hf_token": "another"}).config_hash


@pytest.mark.parametrize(
    "auth",
    [
        {"hf_token": [TOKEN]},
        {"hf_token": {"value": TOKEN}},
        {"hf_token": f"{TOKEN} "},
        {"hf_token": TOKEN, "hf_tokn": TOKEN},
        {"token": TOKEN},
        [TOKEN],
        TOKEN,
    ],
)
def test_error_about_the_token_does_not_show_it(build: Any, auth: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build(auth=auth)
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_recognisable_token_in_the_wrong_place_is_not_shown(build: Any) -> None:
    token = "hf_" + "a1B2" * 8
    with pytest.raises(ConfigError) as caught:
        build(model={"max_length": token, token: 1}, training={"report_to": token})
    assert token not in str(caught.value)
    assert len(caught.value.problems) == 3


def test_credentials_inside_an_address_are_hidden(build: Any) -> None:
    assert "s3cret" not in build(data={"dataset_name_or_path": "https://me:s3cret@host/rows.jsonl"}).to_yaml()


def test_token_survives_being_sent_to_another_process(build: Any) -> None:
    assert pickle.loads(pickle.dumps(build(auth={"hf_token": TOKEN}))).auth.hf_token == TOKEN


def test_two_risk_tiers_are_strict() -> None:
    assert [tier.value for tier in RiskTier if tier.is_strict] == ["high-risk", "unacceptable"]
