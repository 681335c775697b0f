"""The labelled corpus says the truth about its texts, and the finders do on a slice what the page says of the whole."""

from __future__ import annotations

import pytest
from bench.detection import FULL, PAGE, WITH_CHECK, build_page, make_labelled, score, wilson
from bench.labelled.kinds import KINDS
from bench.labelled.rules import rule

from forgelm.audit.pii.families import PII_FAMILIES
from forgelm.audit.secrets.families import SECRET_TYPES

SLICE = make_labelled(8, 4, 6, seed=3)
PERSONAL = {family.kind for family in PII_FAMILIES}


def test_every_text_holds_what_its_label_says() -> None:
    rules = {kind.kind: rule(kind.rule) for kind in KINDS}
    for labelled in SLICE:
        value = labelled.text[slice(*labelled.span)]
        assert bool(labelled.kind) == bool(value)
        if labelled.kind in rules:
            assert rules[labelled.kind](value), labelled


def test_every_kind_and_family_is_there_in_many_languages() -> None:
    held = {labelled.kind for labelled in SLICE if labelled.kind}
    assert held == PERSONAL | set(SECRET_TYPES)
    assert len({labelled.language for labelled in SLICE}) >= 20
    holding = sum(count * kinds for count, kinds in zip(FULL, (len(PERSONAL), len(SECRET_TYPES)), strict=False))
    assert holding * 0.7 > 5000


def test_the_same_seed_makes_the_same_texts() -> None:
    assert make_labelled(2, 1, 1, seed=3) == make_labelled(2, 1, 1, seed=3) != make_labelled(2, 1, 1, seed=4)


def test_a_number_with_a_check_digit_is_never_missed_and_hardly_ever_claimed_wrongly() -> None:
    scores = score(SLICE)
    assert {kind: scores[kind].missed for kind in WITH_CHECK if scores[kind].missed} == {}
    right, wrong = sum(scores[kind].found for kind in WITH_CHECK), sum(len(scores[kind].wrong) for kind in WITH_CHECK)
    assert right / (right + wrong) >= 0.99
    found, missed = (sum(of(scores[kind]) for kind in scores) for of in (lambda s: s.found, lambda s: len(s.missed)))
    assert found / (found + missed) >= 0.99


def test_the_page_tells_of_every_kind() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert {kind for kind in PERSONAL if f"| `{kind}` |" not in page} == set()


@pytest.mark.torture
def test_the_page_is_fresh() -> None:
    assert build_page() == PAGE.read_text(encoding="utf-8")


def test_the_interval_of_a_share() -> None:
    # Newcombe 1998, table I, method 3.
    for part, whole, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(part, whole) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
