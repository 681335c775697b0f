from __future__ import annotations

import json
from pathlib import Path

from forgelm.evidence.erasure.merges import find_merges, made_of
from forgelm.evidence.exported import seal_digest


def put(folder: Path, *parts: str | None) -> str:
    """Lay a merged model there and return its seal."""
    folder.mkdir(parents=True)
    (folder / "merge_record.json").write_text(json.dumps({"sources": [{"manifest_sha256": part} for part in parts]}))
    manifest = json.dumps({"verified_at": folder.name}).encode()
    (folder / "model_integrity.json").write_bytes(manifest)
    return seal_digest(manifest)


def test_merges_are_followed_from_part_to_whole(tmp_path: Path) -> None:
    one = put(tmp_path / "a" / "b" / "one", "seal", None)
    put(tmp_path / "two", "other")
    put(tmp_path / "three", one, "other")
    merges = find_merges([tmp_path, tmp_path / "a"])
    assert len(merges) == 3
    assert [merge.folder.name for merge in made_of(["seal"], merges)] == ["one", "three"]
    assert {merge.folder.name for merge in made_of(["other"], merges)} == {"two", "three"}
    assert list(made_of(["None"], merges)) == list(made_of([], merges)) == []


def test_a_record_that_says_nothing_is_of_nothing(tmp_path: Path) -> None:
    for name, text in (("no", "{"), ("list", "[]"), ("odd", '{"sources": 7}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "merge_record.json").write_text(text)
    merges = find_merges([tmp_path])
    assert [(merge.seal, merge.parts) for merge in merges] == [(None, frozenset())] * 3
