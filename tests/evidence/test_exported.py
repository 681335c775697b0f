from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from forgelm.base.files import sha256_bytes
from forgelm.evidence.exported import original_manifest, record_export, seal_digest
from forgelm.evidence.inventory import require_intact, write_integrity_manifest


def entry(file: str = "m.gguf", digest: str = "a") -> dict[str, Any]:
    return {"file": file, "format": "gguf", "quant": "f16", "sha256": digest * 64, "size_bytes": 1}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    (tmp_path / "weights").write_bytes(b"w")
    return write_integrity_manifest(tmp_path)


def test_the_seal_stays_what_it_was(sealed: Path) -> None:
    before = sealed.read_bytes()
    assert record_export(sealed.parent, entry()) == sealed
    assert record_export(sealed.parent, entry("n.gguf", "b")) == sealed
    assert record_export(sealed.parent, entry(digest="c")) == sealed
    after = sealed.read_bytes()
    assert [item["sha256"][0] for item in json.loads(after)["exported_artifacts"]] == ["b", "c"]
    assert original_manifest(after) == before
    assert seal_digest(after) == seal_digest(before) == sha256_bytes(before)
    require_intact(sealed.parent)


def test_a_signed_manifest_is_left_alone(sealed: Path) -> None:
    (sealed.parent / "model.sig").write_text("{}")
    before = sealed.read_bytes()
    assert record_export(sealed.parent, entry()) is None
    assert sealed.read_bytes() == before


def test_a_manifest_written_otherwise_is_left_alone(sealed: Path) -> None:
    sealed.write_text(json.dumps(json.loads(sealed.read_bytes())))
    assert record_export(sealed.parent, entry()) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"artifacts": []}'])
def test_what_has_no_such_list_is_itself(data: bytes) -> None:
    assert original_manifest(data) == data
