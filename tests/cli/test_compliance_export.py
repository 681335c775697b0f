from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support import order_rows, sections, write_rows

from forgelm.cli.main import run


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    rows = write_rows(tmp_path / "orders.jsonl", order_rows(20))
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(sections(rows, tmp_path / "run", compliance={"system_name": "Till"})))
    return str(path)


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (["--compliance-export", "given"], "given"),
        (["--compliance-export", "--output", "given"], "given"),
        (["--compliance-export", "given", "--output", "./given"], "given"),
        (["--compliance-export"], "compliance"),
    ],
)
def test_the_folder_may_be_given_either_way(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], folder: str
) -> None:
    assert run(["--config", config, *options, "--output-format", "json"]) == 0
    reply = json.loads(capsys.readouterr().out)
    assert reply["output_dir"] == str(tmp_path / folder)
    assert sorted(reply["files"]) == sorted(map(str, (tmp_path / folder).iterdir()))
    assert reply["annex_iv"]["evidenced"] == 0
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--compliance-export", "one", "--output", "two"], "give one of them"),
        (["--compliance-export", "./compliance", "--output", "two"], "give one of them"),
        (["--output", "two"], "--output says where --compliance-export writes"),
        (["--compliance-export", "one", "--fit-check"], "exclude one another"),
        (["--compliance-export", "run.yaml"], "is no folder"),
        (["--compliance-export", "."], "something else than an earlier export"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert run(["--config", config, *options]) == 1
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_before_audit_it_is_the_folder_of_the_report(config: str, tmp_path: Path) -> None:
    assert run(["--output", "seen", "audit", "orders.jsonl", "-q"]) == 0
    assert (tmp_path / "seen" / "data_audit_report.json").is_file()
    assert run(["--output", "seen", "schema"]) == 1
