"""``forgelm preview`` in the terminal, as JSON and as a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support import sections

from forgelm.cli.main import run


def test_terminal_json_and_page(orders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(orders, tmp_path / "run")))
    page = tmp_path / "preview.html"
    assert run(["preview", "--config", str(path), "--rows", "2", "--html", str(page)]) == 0
    text = capsys.readouterr().out
    assert text.count("tokens trained\n") == 2
    assert "[[{" in text
    assert page.read_text().count("<h2>") == 2
    assert run(["preview", "--config", str(path), "--output-format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 3
    assert not (tmp_path / "run").exists()
