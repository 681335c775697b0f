"""Deprecated adapter switches choose the method they stand for."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from forgelm.base.errors import ConfigError


@pytest.mark.parametrize(("flag", "method"), [("use_dora", "dora"), ("use_rslora", "rslora")])
def test_deprecated_flag_sets_the_method_and_warns(build: Any, caplog: Any, flag: str, method: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"lora\.{flag} is deprecated .* 1\.0\.0.*method: {method}"):
        config = build(lora={flag: True})
    assert config.lora.method == method
    assert flag in caplog.text
    assert config.config_hash == build(lora={"method": method}).config_hash


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_both_flags_or_another_method_contradict(build: Any) -> None:
    with pytest.raises(ConfigError, match="cannot both be true"):
        build(lora={"use_dora": True, "use_rslora": True})
    with pytest.raises(ConfigError, match=r"lora\.use_dora: contradicts lora\.method: pissa"):
        build(lora={"use_dora": True, "method": "pissa"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_false_flag_changes_nothing(build: Any) -> None:
    assert build(lora={"use_dora": False, "method": "rslora"}).lora.method == "rslora"


def test_the_resolved_form_names_no_deprecated_key(build: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "use_dora" not in build().to_yaml()
