"""The switches that keep libraries off the network, read by the hub's own client in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forgelm.base.network.switches import hub_token, is_offline, private

SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variable the module writes is set here first, so that the fixture puts it back."""
    written = ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING")
    for name in (*SWITCHES, *written, "HUGGINGFACE_TOKEN"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def ask_hub_client(statement: str, constant: str) -> str:
    """Run ``statement`` in a new process, import the hub's client after it and return one of its constants."""
    code = f"import forgelm.base.network.switches as network; {statement}\n"
    code += f"from huggingface_hub import constants; print(constants.{constant})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("statement", "constant", "value"),
    [
        ("kept = network.private(offline=False); kept.__enter__()", "HF_HUB_DISABLE_TELEMETRY", "True"),
        ("kept = network.private(offline=True); kept.__enter__()", "HF_HUB_OFFLINE", "True"),
        ("kept = network.private(offline=False); kept.__enter__()", "HF_HUB_OFFLINE", "False"),
        ("pass", "HF_HUB_OFFLINE", "False"),
    ],
)
def test_the_hub_client_obeys(statement: str, constant: str, value: str) -> None:
    assert ask_hub_client(statement, constant) == value


def test_offline_covers_all_three_libraries() -> None:
    assert not is_offline()
    with private(offline=True):
        assert is_offline()
        assert [os.environ[name] for name in SWITCHES] == ["1", "1", "1"]
    assert not is_offline()


def test_the_environment_is_as_it_was_whatever_happened_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    before = dict(os.environ)
    with pytest.raises(ZeroDivisionError), private(offline=True):
        raise ZeroDivisionError
    assert dict(os.environ) == before


def test_telemetry_is_off_even_where_the_environment_had_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    with private(offline=False):
        assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "1"


@pytest.mark.parametrize("name", SWITCHES[:2])
@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("YES", True), ("On", True), ("0", False), ("no", False)]
)
def test_a_switch_means_what_it_means_to_the_hub_client(
    name: str, value: str, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert is_offline() is offline


@pytest.mark.parametrize("value", ["true", "no"])
def test_the_hub_client_agrees(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert ask_hub_client("pass", "HF_HUB_OFFLINE") == str(is_offline())


def test_the_configured_token_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub_token(None) is None
    monkeypatch.setenv("HUGGINGFACE_TOKEN", "from the environment")
    assert hub_token(None) == hub_token("") == "from the environment"
    assert hub_token("configured") == "configured"
    monkeypatch.setenv("HUGGINGFACE_TOKEN", "")
    assert hub_token(None) is None
