"""The shared options mean the same before and after a command's name."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from forgelm.cli.main import run
from forgelm.cli.options import Shared, set_up_logging, wants_json


@pytest.mark.parametrize(
    "arguments", [["--output-format", "json", "quickstart", "--list"], ["quickstart", "--list", "--output-format=json"]]
)
def test_json_is_asked_for_before_or_after_the_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["count"] == len(reply["templates"]) > 0


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--output-format", "json"], True),
        (["x", "--output-format=json"], True),
        (["--output-format", "text"], False),
        (["json"], False),
        ([], False),
        (["--output-format"], False),
    ],
)
def test_json_is_seen_in_the_raw_arguments(arguments: list[str], wanted: bool) -> None:
    assert wants_json(arguments) is wanted


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (Shared(), logging.INFO),
        (Shared(quiet=True), logging.WARNING),
        (Shared(as_json=True), logging.WARNING),
        (Shared(as_json=True, log_level="DEBUG"), logging.DEBUG),
    ],
)
def test_the_level_follows_from_the_options(options: Shared, level: int) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        set_up_logging(options)
        assert logging.getLogger("forgelm").getEffectiveLevel() == level
    finally:
        root.handlers[:], root.level = before
        logging.getLogger("forgelm").setLevel(logging.NOTSET)
        logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (["schema"], logging.INFO),
        (["schema", "-q"], logging.WARNING),
        (["--quiet", "schema"], logging.WARNING),
        (["--log-level", "error", "schema"], logging.ERROR),
        (["schema", "--log-level", "DEBUG"], logging.DEBUG),
    ],
)
def test_the_log_is_as_loud_as_was_asked(words: list[str], level: int) -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    try:
        assert run(words) == 0
        assert logging.getLogger("forgelm").getEffectiveLevel() == level
    finally:
        root.handlers[:], root.level = before
        logging.getLogger("forgelm").setLevel(logging.NOTSET)
        logging.captureWarnings(False)


def test_what_the_hub_s_client_says_is_said_once_and_redacted() -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra train")
    token = "hf_" + "Ab3" * 12
    code = f"""if True:
        import logging
        from forgelm.cli.options import Shared, set_up_logging
        set_up_logging(Shared())
        from huggingface_hub.utils import logging as hub
        hub.get_logger("huggingface_hub.utils._http").warning("thrown while requesting {token}")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr.count("thrown while requesting") == 1
    assert token not in done.stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "x", ""])
@pytest.mark.parametrize(
    "words",
    [
        ("chat", "builtin/ember", "--temperature"),
        ("deploy", "model", "--target", "vllm", "--gpu-memory-utilization"),
        ("audit", "rows.jsonl", "--jaccard-threshold"),
        ("recommend", "8B", "--vram-gb"),
    ],
)
def test_a_number_is_finite(words: tuple[str, ...], value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, value]) == 1
    assert f"Invalid value for '{words[-1]}'" in capsys.readouterr().err
