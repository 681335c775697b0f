"""Spans are joined, replaced and counted; previews hide what they preview."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from forgelm import find_pii, find_secrets, mask_pii, mask_secrets
from forgelm.audit.findings import Finding, count_kinds, join_spans, preview, replace_spans

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])))


@given(spans=SPANS)
def test_joined_spans_cover_the_same_characters_and_do_not_touch(spans: list[tuple[int, int]]) -> None:
    joined = join_spans(spans)
    assert {at for start, end in joined for at in range(start, end)} == {
        at for start, end in spans for at in range(start, end)
    }
    assert all(first[1] < second[0] for first, second in pairwise(joined))


@given(spans=SPANS)
def test_everything_outside_the_spans_stays(spans: list[tuple[int, int]]) -> None:
    text = "".join(chr(0x100 + at) for at in range(40))
    kept = [char for at, char in enumerate(text) if not any(start <= at < end for start, end in spans)]
    assert [char for char in replace_spans(text, spans, "#") if char != "#"] == kept
    assert replace_spans(text, spans, "#").count("#") == len(join_spans(spans))


def test_a_preview_is_an_outline() -> None:
    assert preview("+90 532-1") == "+** ***-*"
    assert preview("ab\ncd") == "** **"
    assert preview("é" * 30) == "*" * 24 + "…"
    assert preview("abcdefgh", visible=2) == "ab******"


def test_kinds_are_counted_in_the_order_they_come() -> None:
    findings = [Finding(kind, (0, 1), "", "low") for kind in ("b", "a", "b")]
    assert list(count_kinds(findings).items()) == [("b", 2), ("a", 1)]


def test_the_published_snippet_runs() -> None:
    text = "Contact alice@example.com or use " + "AKIA" + "IOSFODNN7EXAMPLE for the call."
    pii, secrets = find_pii(text), find_secrets(text)
    assert [(found.kind, text[slice(*found.span)]) for found in pii] == [("email", "alice@example.com")]
    assert [found.kind for found in secrets] == ["aws_access_key"]
    assert mask_secrets(mask_pii(text)) == "Contact [REDACTED] or use [REDACTED-SECRET] for the call."
