import json

import pytest

from forgelm.evidence.pin import Pin, pin_path, read_pin, write_pin

PIN = Pin("ab" * 32, "fg-0123456789ab")


def test_the_sidecar_has_the_contract_s_four_keys(tmp_path):
    log = tmp_path / "audit_log.jsonl"
    path = write_pin(log, PIN)
    assert path == pin_path(log) == tmp_path / "audit_log.jsonl.manifest.json"
    content = json.loads(path.read_text())
    assert list(content) == ["audit_log", "created_at", "run_id", "first_entry_sha256"]
    assert content["audit_log"] == "audit_log.jsonl"
    assert content["created_at"].endswith("+00:00")
    assert read_pin(log) == PIN


def test_no_sidecar_is_no_pin(tmp_path):
    assert read_pin(tmp_path / "audit_log.jsonl") is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"run_id": "x"}', b'{"run_id": 1, "first_entry_sha256": "a"}', b"\xff"]
)
def test_a_damaged_sidecar_is_not_taken_for_a_missing_one(tmp_path, content):
    log = tmp_path / "audit_log.jsonl"
    pin_path(log).write_bytes(content)
    with pytest.raises(ValueError, match="manifest"):
        read_pin(log)
