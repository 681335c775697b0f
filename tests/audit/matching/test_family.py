"""A family never occurs where its cheaper patterns do not; that is what the engines rely on."""

from __future__ import annotations

import importlib
import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forgelm.audit.matching.exact import find
from forgelm.audit.matching.family import DIGIT_RUN, LEAD, LEAD_TO_ANCHOR, READS, Family
from forgelm.audit.pii.addresses import ADDRESS_FAMILIES
from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.secrets.families import SECRET_FAMILIES

FAMILIES = PII_FAMILIES + ADDRESS_FAMILIES + SECRET_FAMILIES
IDS = [f"{position}-{family.kind}" for position, family in enumerate(FAMILIES)]


def occurs(pattern: str, texts: list[str]) -> list[bool]:
    return pc.match_substring_regex(pa.array(texts), pattern).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_cheap_patterns_occur_wherever_the_family_does(family: Family, data: st.DataObject) -> None:
    # Hypothesis writes texts for the pattern; possessive repeats mean the same to it as greedy ones.
    readable = re.compile(re.sub(r"(?<=[*+}?])\+(?!\?)", "", family.pattern), re.ASCII)
    value = data.draw(st.from_regex(readable, fullmatch=True))
    word = data.draw(st.sampled_from(family.context)) if family.context else ""
    text = f"{word} {value}"
    if not family.regex.search(text) or re.search("[\ud800-\udfff]", text):
        return
    if family.kind == "phone" and family.check and not family.check(value):
        return  # how many digits there are is for the check to say
    assert occurs(family.superset, [text]) == [True]
    assert occurs(family.trigger, [text]) == [True]
    if family.digits:
        run = max(re.finditer(DIGIT_RUN, value), key=lambda match: len(re.sub("[^0-9]", "", match[0])))
        assert len(re.sub("[^0-9]", "", run[0])) >= family.digits
        assert run.start() <= LEAD
    if family.anchor:
        assert value.index(family.anchor) < LEAD_TO_ANCHOR


@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_no_value_reads_further_than_is_said(family: Family) -> None:
    # Python's own parser of patterns knows; what it does not count are the few characters that must not follow.
    longest = importlib.import_module("re._parser").parse(family.regex.pattern).getwidth()[1]
    assert family.reads == 0 or longest < READS - 100
    assert all(len(word) < 100 for word in (*family.keywords, *family.context))


def test_words_in_small_letters_match_in_capitals_too_and_others_as_they_stand() -> None:
    loose = Family("n", "[0-9]{4}", "low", "pii", context=("code",), needs_context=True)
    strict = Family("n", "[0-9]{4}", "low", "pii", context=("SIN",), needs_context=True)
    assert [bool(find(text, [loose])) for text in ("code 1234", "CODE: 1234", "decode 1234", "1234 code")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert [bool(find(text, [strict])) for text in ("SIN 1234", "sin 1234")] == [True, False]


def test_the_context_reaches_so_far_and_no_further() -> None:
    family = Family("n", "[0-9]{4}", "low", "pii", context=("code",), needs_context=True, reach=10)
    assert find("code" + " " * 6 + "1234", [family])
    assert not find("code" + " " * 7 + "1234", [family])
