"""Masking: nothing of a finding stays, everything else does, and a second time changes nothing."""

from __future__ import annotations

import pytest
from audit.secrets.samples import SAMPLES, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.findings import Finding
from forgelm.audit.matching.mask import mask
from forgelm.audit.pii.find import find_pii, mask_pii
from forgelm.audit.secrets.find import find_secrets, mask_secrets

TEXTS = st.lists(
    st.one_of(
        st.sampled_from(SAMPLES).map(lambda row: sample(row[1])),
        st.sampled_from(
            ["alice@example.com", "4111111111111111", "10000000146", "DE89370400440532013000", "+90 532 123 45 67",
            " ", "x", "-",
             "1", "@", ".", "é", "😀", "\ud800", "\x00", "\n", "[REDACTED]", "password = ", "tel "]
        ),
        st.text(max_size=5),
    ),
    max_size=10,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, replacement=st.sampled_from(["[REDACTED]", "", "***", "█", "<X>", "0", "a@b.co"]))
def test_masking_twice_is_masking_once(text: str, replacement: str) -> None:
    for masking in (mask_pii, mask_secrets):
        once = masking(text, replacement)
        assert masking(once, replacement) == once


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_no_value_stays_and_nothing_is_left_to_find(text: str) -> None:
    assert find_secrets(mask_secrets(text)) == []
    masked = mask_pii(text)
    assert find_pii(masked) == []
    for start, end in (finding.span for finding in find_pii(text)):
        assert text[start:end] not in masked or text.count(text[start:end]) > 1


def test_everything_else_stays_byte_for_byte() -> None:
    text = "\ufeff a\r\n\tb\x00 alice@example.com \ud800 é \u2028"
    assert mask_pii(text) == text.replace("alice@example.com", "[REDACTED]")


def test_overlapping_and_touching_findings_get_one_replacement() -> None:
    def find(text: str) -> list[Finding]:
        spans = [(0, 4), (2, 6), (6, 8), (9, 10)] if text == "0123456789" else []
        return [Finding("k", span, "", "low") for span in spans]

    masked, found = mask("0123456789", "#", find)
    assert masked == "#8#"
    assert len(found) == 4


def test_a_replacement_that_completes_another_value_is_masked_too() -> None:
    masked, found = mask_pii("x4111111111111111@b.co", "#", return_counts=True)
    assert masked == "#"
    assert found == {"email": 1}


@pytest.mark.parametrize("replacement", [None, 3, b"#"])
def test_a_replacement_must_be_text(replacement: object) -> None:
    with pytest.raises(TypeError, match="expected a string as replacement"):
        mask_pii("a", replacement)  # type: ignore[call-overload]
