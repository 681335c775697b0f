"""What the section synthetic refuses, and that its key is shown nowhere."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from forgelm.base.errors import ConfigError

SEEDED = {"enabled": True, "teacher_model": "t", "api_base": "https://teacher.example", "seed_prompts": ["Hello?"]}


def test_the_defaults_are_those_of_the_contract(build: Any) -> None:
    found = build(synthetic={}).synthetic
    assert (found.enabled, found.teacher_backend, found.api_delay, found.api_timeout) == (False, "api", 0.5, 60)
    assert (found.max_new_tokens, found.temperature, found.output_file) == (1024, 0.7, "synthetic_data.jsonl")
    assert (found.output_format, found.min_success_rate, found.sanity_failure_rate) == ("messages", 0.0, 0.2)
    assert build(synthetic=SEEDED).synthetic.enabled


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"teacher_model": " "}, "teacher_model", "needs the teacher's name"),
        ({"seed_prompts": [" "]}, "seed_file", "nothing to ask"),
        ({"api_base": ""}, "api_base", "needs an endpoint, or a key"),
        ({"teacher_backend": "file"}, "seed_file", "takes its replies from there"),
        ({"teacher_revision": "main"}, "teacher_revision", "only a local teacher"),
        ({"enabled": False, "teacher_revision": "main"}, "teacher_revision", "only a local teacher"),
        ({"max_cost_usd": 1}, "max_cost_usd", "without the prices"),
        ({"input_usd_per_million_tokens": 1}, "output_usd_per_million_tokens", "the other price is set"),
        ({"api_key": "***REDACTED***"}, "api_key", "placeholder"),
        ({"api_key": "two words"}, "api_key", "without spaces"),
        ({"seed_file": "a\x00b"}, "seed_file", "control characters"),
        ({"api_delay": -1}, "api_delay", "at least 0"),
        ({"api_timeout": 9}, "api_timeout", "at least 10"),
        ({"max_new_tokens": 0}, "max_new_tokens", "at least 1"),
        ({"temperature": -0.1}, "temperature", "at least 0"),
        ({"min_success_rate": 1.1}, "min_success_rate", "at most 1"),
        ({"sanity_failure_rate": -1}, "sanity_failure_rate", "at least 0"),
        ({"output_format": "sharegpt"}, "output_format", "messages, instruction, chatml, prompt_response"),
        ({"teacher_backend": "hf"}, "teacher_backend", "api, local, file"),
    ],
)
def test_what_cannot_be_meant_is_refused(build: Any, change: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(synthetic={**SEEDED, **change})
    assert caught.value.problems[0].path == f"synthetic.{path}"
    assert message in str(caught.value)


def test_the_key_is_shown_nowhere_and_warned_about(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    secret = "plain-secret-word-77"
    with caplog.at_level(logging.WARNING):
        config = build(synthetic={**SEEDED, "api_key": secret})
    assert "synthetic.api_key keeps a secret in a file" in caplog.text
    shown = (repr(config), str(config.model_dump()), config.model_dump_json(), config.to_yaml(), caplog.text)
    assert not any(secret in text for text in shown)
    assert "REDACTED" in config.model_dump_json()
    assert config.config_hash == build(synthetic={**SEEDED, "api_key": "another-word"}).config_hash


def test_a_key_whose_variable_is_named_is_not_warned_about(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    build(synthetic={**SEEDED, "api_key": "k" * 9, "api_key_env": "KEY"})
    assert "keeps a secret" not in caplog.text
