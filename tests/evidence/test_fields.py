"""Plain fields, written the short way, give the very text that redaction and json give; the rest goes the long way."""

from __future__ import annotations

import json
import random

import pytest

from forgelm.base.files import to_json_safe
from forgelm.base.redact import REDACTED, redact
from forgelm.evidence.fields import FieldWriter

OWN = {"run_id": "fg-1", "operator": "tester"}
TOKEN = "hf_" + "aBcD1234" * 4
NAMES = ("step", "loss", "päth", 'quo"te', "api_key", "password", "target_tokens", TOKEN, "a" * 30, "x\ny", "")
VALUES = (
    *(0, -1, 2**70, True, False, None, 1.25, 0.0001, 1e300, -0.0, float("nan"), float("inf"), float("-inf")),
    *("", "an ordinary event", "ü\u2028\ud800\x00\x7f", 'a"b\\c', TOKEN, f"the key {TOKEN}", "https://u:p@h/x"),
    *(
        "Bearer abc123def",
        "BEARER abc123def",
        "AKIA" + "B" * 16,
        [1, TOKEN],
        {"password": "x"},
        {3, 1},
        (None,),
        object,
    ),
)


def long_way(fields):
    return f", {json.dumps(redact(to_json_safe(fields)))[1:-1]}" if fields else ""


def test_both_ways_write_the_same():
    writer, random_ = FieldWriter(OWN), random.Random(7)
    for _ in range(20_000):
        fields = {name: random_.choice(VALUES) for name in random_.sample(NAMES, random_.randrange(len(NAMES)))}
        text = writer.render("event", fields)
        assert text == long_way(fields)
        assert json.loads(f"{{{text[2:]}}}") is not None


def test_every_value_under_every_name_is_as_the_long_way_has_it():
    for _ in range(2):
        writer = FieldWriter(OWN)
        for name in NAMES:
            for value in VALUES:
                assert writer.render("event", {name: value}) == long_way({name: value})


def test_secrets_are_redacted_whichever_way_they_go():
    writer = FieldWriter(OWN)
    assert (
        writer.render("event", {"note": TOKEN, "api_key": "abc"}) == f', "note": "{REDACTED}", "api_key": "{REDACTED}"'
    )
    assert TOKEN not in writer.render("event", {TOKEN: 1, "deep": [{"x": TOKEN}]})


def test_the_envelope_may_be_repeated_and_not_replaced():
    writer = FieldWriter(OWN)
    assert writer.render("event", {"run_id": "fg-1", "step": 1}) == ', "step": 1'
    assert writer.render("event", {"operator": "tester"}) == ""
    for name in ("timestamp", "prev_hash", "seq", "event", "_hmac", "run_id"):
        with pytest.raises(ValueError, match=f"'{name}' belongs to every line"):
            writer.render("event", {"step": 1, name: "other"})


def test_what_contains_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="contains itself"):
        FieldWriter(OWN).render("event", {"x": endless})


def test_many_different_names_are_not_all_kept():
    writer = FieldWriter(OWN)
    for number in range(2000):
        assert writer.render("event", {f"n{number}": number}) == f', "n{number}": {number}'
    assert len(writer._openings) <= 256
