"""The table as a whole: complete, named once, and gated by keywords that really occur."""

from __future__ import annotations

from audit.secrets.samples import BY_KIND, sample

from forgelm.audit.secrets.families import CONTRACT_SECRETS, SECRET_FAMILIES, SECRET_TYPES


def test_every_family_has_a_sample_and_there_are_more_than_a_hundred() -> None:
    assert sorted(BY_KIND) == sorted(SECRET_TYPES)
    assert len(SECRET_TYPES) == len(SECRET_FAMILIES) >= 100
    assert set(CONTRACT_SECRETS) <= set(SECRET_TYPES)


def test_the_keywords_of_a_family_occur_in_its_sample() -> None:
    for family in SECRET_FAMILIES:
        assert family.keywords, family.kind
        assert all(keyword == keyword.lower() for keyword in family.keywords)
        assert any(keyword in sample(BY_KIND[family.kind][1]).lower() for keyword in family.keywords), family.kind


def test_only_the_generic_family_gives_way() -> None:
    assert [family.kind for family in SECRET_FAMILIES if family.weak] == ["generic_secret"]
