import base64
import json

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.anchor import Anchor, describe_checkpoint, read_anchors
from forgelm.evidence.checkpoint import Checkpoint, render_checkpoint

ONE, TWO = Checkpoint(12, "12" * 32), Checkpoint(15, "34" * 32)


def read(tmp_path, content):
    path = tmp_path / "anchor"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(anchor.checkpoint, anchor.origin) for anchor in read_anchors(str(path))]


def test_a_note_names_its_log(tmp_path):
    assert read(tmp_path, render_checkpoint("forgelm/audit-log/x", ONE, [])) == [(ONE, "forgelm/audit-log/x")]


def test_json_carries_it_at_any_depth_and_inside_a_signed_payload(tmp_path):
    record = {"artifacts": [], "audit_log": ONE.as_record()}
    assert read(tmp_path, json.dumps(record)) == [(ONE, None)]
    payload = base64.b64encode(json.dumps({"predicate": {"run": record}}).encode()).decode()
    bundle = {"dsseEnvelope": {"payload": payload}, "also": [{"audit_log": TWO.as_record()}, record]}
    assert read(tmp_path, json.dumps(bundle)) == [(ONE, None), (TWO, None)]


@pytest.mark.parametrize("number", [(4, 4), (10, 8)])
def test_the_metadata_of_a_gguf_file_is_read(tmp_path, number):
    kind, length = number
    size = b"forgelm.audit_log.size" + kind.to_bytes(4, "little") + ONE.size.to_bytes(length, "little")
    root = b"forgelm.audit_log.root" + (8).to_bytes(4, "little") + (64).to_bytes(8, "little") + ONE.root.encode()
    assert read(tmp_path, b"GGUF\xff\xfe" + size + root) == [(ONE, None)]
    with pytest.raises(ConfigError, match="says nothing about"):
        read(tmp_path, b"GGUF\xff\xfe" + size)


def test_the_words_of_a_card_are_found_again(tmp_path):
    card = f"# Model\n\n| Rows | 12 |\n| Audit log | {describe_checkpoint(ONE)} |\n"
    assert read(tmp_path, card) == [(ONE, None)]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "text",
        b"\xff\xfe",
        "{}",
        '{"audit_log": 3}',
        '{"audit_log": {"size": "12", "root": "' + "12" * 32 + '"}}',
        '{"payload": "????"}',
        '{"payload": "bm90IEpTT04="}',
        "12 lines, root `" + "12" * 31 + "`",
        "[" * 100 + "]" * 100,
        "[" * 100_000,
    ],
)
def test_what_says_nothing_about_a_log_is_refused(tmp_path, content):
    with pytest.raises(ConfigError, match="says nothing"):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ConfigError, match="cannot read the anchor"):
            read_anchors(str(path))
    assert Anchor("x", ONE) == Anchor("x", ONE, None)
