"""What is too old is found by the log's own times, deleted where that was announced, and else held against the run."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from held import RUN, hold
from support import Heard

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles
from forgelm.config.data import DataConfig
from forgelm.config.retention import RetentionConfig
from forgelm.config.root import ForgeConfig
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.retention import enforce_retention, find_overdue, raw_documents
from forgelm.publish.decide import reject_run
from forgelm.run.single import run_single

DATA = DataConfig(dataset_name_or_path="nowhere.jsonl")


def rules(**changes: Any) -> RetentionConfig:
    return RetentionConfig.model_validate(changes)


def age(path: Path, days: float) -> None:
    moment = time.time() - days * 86400
    for part in (*path.rglob("*"), path):
        os.utime(part, (moment, moment))


def later(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_ages_come_from_the_log_where_it_knows_them(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    age(files.root, 400)
    found = find_overdue(files, rules(audit_log_retention_days=5), now=later(8))
    assert {(one.artefact_kind, one.age_source, Path(one.path).name) for one in found} == {
        ("audit_log", "log", "audit_log.jsonl"),
        ("staging", "log", f"final_model.staging.{RUN}"),
        ("ephemeral", "mtime", "compliance"),
        ("ephemeral", "mtime", RUN),
    }
    assert next(one for one in found if one.artefact_kind == "staging").age_days == pytest.approx(8, abs=0.01)
    assert find_overdue(files, rules(ephemeral_artefact_retention_days=0), now=later(1)) == ()


def test_zero_keeps_for_ever(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    everything = dict.fromkeys(RetentionConfig.model_fields.keys() - {"enforce"}, 0)
    assert find_overdue(files, rules(**everything), now=later(100_000)) == ()


def test_an_empty_folder_has_nothing_that_is_too_old(tmp_path: Path) -> None:
    assert find_overdue(RunFiles(tmp_path), rules()) == ()


def test_documents_among_the_training_data_have_their_own_horizon(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("old.pdf", "new.md", "rows.jsonl"):
        (folder / name).write_text("x")
    age(folder / "old.pdf", 100)
    documents = raw_documents(DataConfig(dataset_name_or_path=str(folder)))
    assert sorted(path.name for path in documents) == ["new.md", "old.pdf"]
    (found,) = find_overdue(RunFiles(tmp_path / "run"), rules(), documents=documents)
    assert (found.artefact_kind, Path(found.path).name, found.horizon_days) == ("raw_documents", "old.pdf", 90)


def test_a_rejected_model_ages_out_on_the_record(tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    reject_run(str(files.root), RUN, now=later(-30))
    heard = Heard()
    enforce_retention(files, rules(staging_ttl_days=7), DATA, heard)
    assert files.quarantine(RUN).is_dir()
    text = files.audit_log.read_text()
    files.audit_log.write_text(text.replace(f"{datetime.now(UTC):%Y-%m-%d}T", "2020-01-01T"))
    enforce_retention(files, rules(staging_ttl_days=7, audit_log_retention_days=0), DATA, heard)
    assert not files.quarantine(RUN).exists()
    assert heard.names() == [Event.ERASURE_REQUESTED, Event.ERASURE_COMPLETED]
    assert heard.fields(Event.ERASURE_COMPLETED)["justification"] == "retention.staging_ttl_days: 7"


@pytest.mark.parametrize("enforce", ["log_only", "warn_on_excess", "block_on_excess"])
def test_a_run_is_held_to_what_is_too_old(enforce: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = hold(tmp_path / "run")
    age(files.compliance, 91)
    heard = Heard()
    with caplog.at_level(logging.WARNING):
        if enforce == "block_on_excess":
            with pytest.raises(ConfigError, match=r"ephemeral .*compliance: 91 days, allowed 90"):
                enforce_retention(files, rules(enforce=enforce), DATA, heard)
        else:
            enforce_retention(files, rules(enforce=enforce), DATA, heard)
    assert ("91 days" in caplog.text) == (enforce == "warn_on_excess")
    assert [one["artefact_kind"] for one in heard.fields(Event.RETENTION_EXCEEDED)["violations"]] == ["ephemeral"]
    enforce_retention(files, None, DATA, heard)
    assert len(heard.events) == 1


def test_a_real_run_is_refused_before_it_trains(make_config: Callable[..., ForgeConfig], tmp_path: Path) -> None:
    files = hold(tmp_path / "run")
    age(files.compliance, 91)
    with pytest.raises(ConfigError, match="retention allows"):
        run_single(make_config(retention={"enforce": "block_on_excess"}))
    events = [entry.event for entry in read_entries(files.audit_log, list(Event))]
    assert events[-4:] == ["pipeline.initialized", "retention.exceeded", "pipeline.failed", "run.closed"]
    assert "training.started" not in events
