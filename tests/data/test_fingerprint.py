from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from forgelm.base.errors import DataError
from forgelm.data.fingerprint import fingerprint_file, fingerprint_folder, fingerprint_hub, list_pins, unchanged


def test_a_file_is_pinned_by_its_bytes(write: Callable[..., str]) -> None:
    path = Path(write("a.jsonl", "abc"))
    pinned = fingerprint_file(path, "a.jsonl")
    assert pinned["sha256"] == hashlib.sha256(b"abc").hexdigest()
    assert (pinned["path"], pinned["size_bytes"], pinned["hf_revision_source"]) == ("a.jsonl", 3, "local_path")
    assert {"timestamp", "modified"} <= pinned.keys()
    assert "resolved_path" not in pinned


def test_a_link_says_where_it_leads(write: Callable[..., str], tmp_path: Path) -> None:
    target = write("a.jsonl", "abc")
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    assert fingerprint_file(link, "link")["resolved_path"] == str(Path(target).resolve())


def test_a_folder_is_pinned_by_every_file(write: Callable[..., str], tmp_path: Path) -> None:
    write("a.jsonl", "abc")
    write("b.jsonl", "de")
    before = fingerprint_folder(tmp_path, ["a.jsonl", "b.jsonl"], "d")
    assert [item["path"] for item in before["files"]] == ["a.jsonl", "b.jsonl"]
    assert (before["source"], before["size_bytes"]) == ("local_directory", 5)
    write("b.jsonl", "df")
    assert fingerprint_folder(tmp_path, ["a.jsonl", "b.jsonl"], "d")["sha256"] != before["sha256"]


def test_a_hub_dataset_is_pinned_by_its_commit_or_says_why_not() -> None:
    known = fingerprint_hub("org/name", revision="a" * 40, reason=None)
    assert (known["hf_revision"], known["hf_revision_source"], known["dataset_id"]) == ("a" * 40, "loaded", "org/name")
    unknown = fingerprint_hub("org/name", revision=None, reason="hf_" + "a" * 30 + " " + "x" * 400)
    assert unknown["hf_revision_source"] == "unresolved"
    assert len(unknown["hf_revision_reason"]) == 200
    assert "hf_a" not in unknown["hf_revision_reason"]
    assert "hf_revision" not in unknown


def test_a_file_that_changes_while_it_is_read_is_refused(write: Callable[..., str]) -> None:
    path = Path(write("a.jsonl", "abc"))
    with pytest.raises(DataError, match=r"a\.jsonl changed while"), unchanged([path], "d"):
        path.write_text("abcd")
    with unchanged([path], "d"):
        path.read_text()


def test_what_pins_a_dataset_is_listed(write: Callable[..., str], tmp_path: Path) -> None:
    path = Path(write("a.jsonl", "abc"))
    digest = hashlib.sha256(b"abc").hexdigest()
    assert list_pins(fingerprint_file(path, "a.jsonl")) == [digest]
    assert list_pins(fingerprint_folder(tmp_path, ["a.jsonl", "a.jsonl"], "d")) == [digest, digest]
    assert list_pins(fingerprint_hub("o/n", revision="b" * 40, reason=None)) == ["b" * 40]
    assert list_pins(fingerprint_hub("o/n", revision=None, reason="unknown")) == [None]
