"""The whole configuration: required sections, one error for everything, copies, digests."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pydantic
import pytest
import yaml

from forgelm.base.errors import ConfigError
from forgelm.config import ForgeConfig, ModelConfig


@pytest.mark.parametrize("name", ["model", "lora", "training", "data"])
def test_required_section_must_be_written(sections: Any, name: str) -> None:
    rest = {key: value for key, value in sections().items() if key != name}
    with pytest.raises(ConfigError, match=rf"^{name}: this section is missing \(write"):
        ForgeConfig(**rest)


def test_null_lora_means_full_fine_tuning_in_full_precision(build: Any) -> None:
    config = build(lora=None)
    assert config.lora is None
    assert config.model.load_in_4bit is False
    assert build(lora=None, model=ModelConfig(name_or_path="base")).model.load_in_4bit is False


def test_every_problem_is_reported_at_once_and_none_is_pydantics(build: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build(model={"max_length": 0, "colour": 1}, training={"seed": -1}, lora={"r": "x"}, evaluation=3)
    error = caught.value
    paths = {problem.path for problem in error.problems}
    assert paths == {"model.max_length", "model.colour", "training.seed", "lora.r", "evaluation"}
    assert all(path in str(error) for path in paths)
    assert not isinstance(error, (pydantic.ValidationError, ValueError))
    assert error.exit_code == 1


@pytest.mark.parametrize("value", [[], 3, None, "text", {1: {}}])
def test_what_is_no_mapping_of_sections_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="mapping of section names"):
        ForgeConfig.model_validate(value)


def test_validating_a_mapping_or_json_is_constructing(sections: Any, build: Any) -> None:
    assert ForgeConfig.model_validate(sections()) == build()
    assert ForgeConfig.model_validate(build()) == build()
    assert ForgeConfig.model_validate_json(build().model_dump_json()) == build()
    with pytest.raises(ConfigError, match="lora: this section is missing"):
        ForgeConfig.model_validate(
            {"model": {"name_or_path": "x"}, "training": {}, "data": {"dataset_name_or_path": "x"}}
        )
    with pytest.raises(ConfigError, match="not a JSON document"):
        ForgeConfig.model_validate_json("{")


def test_odd_keys_do_not_escape_as_other_errors(build: Any) -> None:
    with pytest.raises(ConfigError):
        build(self=1)
    with pytest.raises(ConfigError):
        build(training={1: 2})


def test_nothing_can_be_changed(build: Any) -> None:
    config = build(data={"governance": {}})
    for section, key in ((config, "lora"), (config.model, "offline"), (config.data.governance, "known_biases")):
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            setattr(section, key, None)


def test_replace_gives_another_configuration(build: Any) -> None:
    config = build(auth={"hf_token": "abc"})
    changed = config.replace("model.offline", True)
    assert (config.model.offline, changed.model.offline) == (False, True)
    assert changed.auth.hf_token == "abc"
    assert changed.replace("model.offline", False) == config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.max_length", 0, r"model\.max_length: must be above 0"),
        ("model.offlin", True, r"model\.offlin: unknown key \(did you mean 'offline'"),
        ("nothing.here", 1, "no section 'nothing'"),
        ("evaluation.auto_revert", True, "no section 'evaluation'"),
        ("compliance.risk_classification", "high-risk", "safety evaluation"),
    ],
)
def test_replace_checks_like_loading(build: Any, path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(compliance={}).replace(path, value)


def test_hash_is_stable_and_follows_the_values(build: Any) -> None:
    first = build().config_hash
    assert first == build(training={"seed": 42}).config_hash
    assert first != build(training={"seed": 43}).config_hash
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64


def test_yaml_form_reads_back_as_the_same_configuration(build: Any) -> None:
    for config in (build(), build(lora=None), build(training={"learning_rate": 1e-7, "run_name": "no"})):
        again = ForgeConfig(**yaml.safe_load(config.to_yaml()))
        assert again.config_hash == config.config_hash


def test_importing_the_configuration_loads_no_heavy_library() -> None:
    heavy = ("torch", "numpy", "transformers", "datasets")
    code = f"import sys, forgelm.config; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
