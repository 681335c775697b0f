"""What can be seen before a run begins ends it there, and leaves the folder with the word of the runs before."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
from support import Finished, Heard, sections

from forgelm.base.errors import ForgeError
from forgelm.base.events import Event
from forgelm.base.files import sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.run.dry_run import check_run
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest


@pytest.fixture
def again(finished: Finished, tmp_path: Path) -> Path:
    """A folder that holds a good run."""
    return Path(shutil.copytree(finished.root, tmp_path / "run"))


def contents(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: sha256_file(path) for name, path in found.items() if name != ".forgelm.lock"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": {"columns": {"messages": "nowhere"}}}, "nowhere"),
        ({"data": {"dataset_name_or_path": "nowhere.jsonl"}}, "nowhere.jsonl"),
        ({"model": {"name_or_path": "builtin/amber"}}, "did you mean builtin/ember"),
        ({"lora": {"target_modules": ["query"]}}, "no module named 'query'"),
        ({"lora": {"modules_to_save": ["query"]}}, "no module named 'query'"),
        ({"model": {"moe": {"experts_to_train": "0"}}}, "no mixture of experts"),
        ({"training": {"report_to": "mlflow"}}, "mlflow"),
        ({"compliance": {"annex_iv": {"8": {"statement": "It was.", "file": "nowhere.pdf"}}}}, "nowhere.pdf"),
    ],
)
def test_what_can_be_seen_before_a_run_begins_leaves_no_trace(
    again: Path, orders: Path, finished: Finished, changes: dict[str, Any], words: str
) -> None:
    if "report_to" in changes.get("training", {}) and importlib.util.find_spec("mlflow"):
        pytest.skip("mlflow is installed here")
    config = ForgeConfig(**sections(orders, again, **changes))
    before, heard = contents(again), Heard()
    with pytest.raises(ForgeError, match=words):
        run_single(config, listen=heard)
    assert contents(again) == before
    assert heard.names()[-1] is Event.PIPELINE_FAILED
    assert Event.PIPELINE_INITIALIZED not in heard.names()
    verified = verify_evidence(again)
    assert (verified.valid, verified.state, verified.run_id) == (True, "closed", finished.result.run_id)
    with pytest.raises(ForgeError, match=words):
        check_run(config)


def test_a_stop_before_the_run_begins_leaves_no_trace(again: Path, orders: Path) -> None:
    stop, heard, before = StopRequest(), Heard(), contents(again)
    stop.ask()
    with pytest.raises(ForgeError, match="stopped as asked"):
        run_single(ForgeConfig(**sections(orders, again)), listen=heard, stop=stop)
    assert heard.names()[-1] is Event.PIPELINE_STOPPED
    assert contents(again) == before


def test_a_run_that_fails_later_is_named_beside_the_one_that_left_the_documents(
    again: Path, orders: Path, finished: Finished
) -> None:
    with pytest.raises(ForgeError, match=r"dropped at model\.max_length=8"):
        run_single(ForgeConfig(**sections(orders, again, model={"max_length": 8})))
    verified = verify_evidence(again)
    assert (verified.valid, verified.state, verified.run_id) == (True, "closed", finished.result.run_id)
    assert [(run.run_id != finished.result.run_id, run.ended) for run in verified.later_runs] == [(True, "failed")]
    documents = next(check for check in verified.checks if check.name == "documents")
    assert documents.status == "passed", documents
