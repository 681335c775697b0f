"""Every row a run read is in the record, with what became of it, and a damaged record is no record."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Finished, order_rows, write_rows

from forgelm.base.errors import IntegrityError
from forgelm.base.events import Event
from forgelm.base.files import RunFiles, sha256_file
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import Row
from forgelm.evidence.entries import read_entries
from forgelm.evidence.seen_rows import digest_row, open_seen_rows, write_seen_rows
from forgelm.evidence.subjects import SubjectKeys
from forgelm.train.token_ledger import TokenLedger
from forgelm.train.tokenise import Example, TokenisedSplit


def examples(rows: tuple[Row, ...], *, leave_out: int) -> TokenisedSplit:
    kept = [Example([1] * (3 + place), [1] * (3 + place), row) for place, row in enumerate(rows) if place != leave_out]
    return TokenisedSplit(tuple(kept), TokenLedger())


def test_a_real_run_records_every_row_it_read(finished: Finished) -> None:
    files = RunFiles(finished.root)
    path = files.seen_rows(str(finished.result.run_id))
    record = open_seen_rows(path)
    rows = list(record.rows())
    assert sorted(row.number for row in rows) == list(range(1, 401))
    trained = [row for row in rows if row.trained]
    assert {row.split for row in rows} == {"train", "validation"}
    assert len(trained) == sum(row.split == "train" for row in rows)
    report = json.loads((files.compliance / "compliance_report.json").read_text())
    assert sum(row.tokens for row in trained) == report["token_ledger"]["train"]["tokens"]
    (entry,) = read_entries(files.audit_log, [Event.SEEN_ROWS_RECORDED])
    assert entry.fields["sha256"] == sha256_file(path)
    assert record.header["base_model"] == "builtin/ember"
    assert record.header["sources"][0]["sha256"] == {"": sha256_file(Path(record.header["sources"][0]["path"]))}


def test_rows_left_out_are_recorded_as_that(
    make_config: Callable[..., ForgeConfig], tmp_path: Path, orders: Path
) -> None:
    extra = write_rows(tmp_path / "extra.jsonl", order_rows(30))
    config = make_config(data={"extra_datasets": [str(extra)], "mix_ratio": [0.9, 0.1]})
    prepared, files = prepare_run(config), RunFiles(tmp_path / "run")
    path = write_seen_rows(files, "fg-1", config, prepared, examples(prepared.train, leave_out=2))
    rows = list(open_seen_rows(path).rows())
    assert len(rows) == 150
    train = [row for row in rows if row.split == "train"]
    assert [row.trained for row in train].count(False) == 1
    assert (train[2].trained, train[2].tokens, train[3].tokens) == (False, 0, 6)
    skipped = [row for row in rows if row.split == "skipped"]
    assert len(skipped) == len(prepared.skipped)
    assert {row.digest for row in skipped} == {None}
    assert {row.source for row in rows} == {0, 1}
    key = SubjectKeys(files.root).find_content_key()
    assert key is not None
    assert train[0].digest == digest_row(key, prepared.train[0].value)


def test_equal_rows_have_equal_digests_only_under_one_key() -> None:
    one: dict[str, Any] = {"prompt": "a", "completion": "b"}
    assert digest_row(b"k", one) == digest_row(b"k", dict(reversed(one.items())))
    assert digest_row(b"k", one) != digest_row(b"j", one)


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty"])
def test_a_damaged_record_is_no_record(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    good = gzip.compress(b'{"format": 1, "run_id": "r", "sources": []}\n' + b'["file", 0, 0, null]\n' * 500)
    bad = bytes([*good[:-30], good[-30] ^ 255, *good[-29:]])
    path.write_bytes({"cut": good[:-12], "flip": bad, "other": gzip.compress(b"[]\n"), "empty": b""}[damage])
    with pytest.raises(IntegrityError):
        list(open_seen_rows(path).rows())
