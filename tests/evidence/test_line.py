import hashlib
import hmac
import json

import pytest

from forgelm.evidence.line import ENVELOPE, are_tagged, line_hash, read_entry, tag_key, tag_line, tag_matches

TEXT = json.dumps({"run_id": "fg-1", "event": "a.b", "note": 'ends with ", "_hmac": "x"'})


def test_tag_is_the_hmac_of_the_text_before_it_under_the_run_s_key():
    key = hashlib.sha256(b"a secret of some length" + b"fg-1").digest()
    assert tag_key("a secret of some length", "fg-1") == key
    expected = hmac.new(key, TEXT.encode(), hashlib.sha256).hexdigest()
    assert json.loads(tag_line(TEXT, key)) == {**json.loads(TEXT), "_hmac": expected}
    assert list(json.loads(tag_line(TEXT, key)))[-1] == "_hmac"


def test_tag_matches_only_the_text_and_key_it_was_made_of():
    key = tag_key("a secret of some length", "fg-1")
    tagged = tag_line(TEXT, key)
    assert tag_matches(tagged, key)
    assert not tag_matches(tagged, tag_key("a secret of some length", "fg-2"))
    for place in range(0, len(tagged), 7):
        changed = tagged[:place] + ("x" if tagged[place] != "x" else "y") + tagged[place + 1 :]
        assert not tag_matches(changed, key), place
    assert not tag_matches("", key)
    assert not tag_matches("{}", key)


def test_hash_is_over_the_bytes_without_the_newline():
    assert line_hash(b'{"a": 1}') == hashlib.sha256(b'{"a": 1}').hexdigest()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "not valid JSON"),
        (b'{"a": \xff}', "not UTF-8"),
        (b"[1]", "not one JSON object"),
        (b'{"a": 1}{"b": 2}', "not one JSON object"),
        (b'{"a": 1} ', "not one JSON object"),
        (b'{"a":' * 100_000, "not valid JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    ],
)
def test_read_entry_says_what_a_line_is_instead_of_an_object(line, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        read_entry(line)


def test_read_entry_returns_the_object():
    assert read_entry(b'{"event": "a.b", "x": [1, {"y": null}]}') == {"event": "a.b", "x": [1, {"y": None}]}
    assert {"timestamp", "prev_hash", "_hmac"} <= ENVELOPE


def test_many_tags_are_those_that_single_checks_accept():
    key = tag_key("a secret of some length", "fg-1")
    lines = [tag_line(json.dumps({"n": "x" * number}), key).encode() for number in range(0, 200, 7)]
    assert all(tag_matches(line.decode(), key) for line in lines)
    assert are_tagged(lines, key)
    assert not are_tagged(lines, tag_key("a secret of some length", "fg-2"))
    for bad in (b"", b"{}", lines[0][:-1], lines[0].replace(b"{", b"{ "), TEXT.encode()):
        assert not are_tagged([*lines, bad], key)
