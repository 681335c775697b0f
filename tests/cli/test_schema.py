"""``forgelm schema`` prints the schema itself, in both formats."""

from __future__ import annotations

import json

import pytest

from forgelm.cli.main import run
from forgelm.config.schema import build_json_schema


@pytest.mark.parametrize("arguments", [["schema"], ["schema", "--output-format", "json"]])
def test_it_is_the_schema(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(build_json_schema()))
