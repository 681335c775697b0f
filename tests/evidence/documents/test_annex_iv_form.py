import pytest

from forgelm.evidence.documents.annex_iv_form import KEYS, count, manifest_hash, resolve_pointer, weakest
from forgelm.evidence.documents.annex_iv_items import ITEMS


def test_the_form_has_the_items_of_the_table_in_their_order() -> None:
    assert tuple(ITEMS) == KEYS


def test_statuses_are_counted_and_the_weakest_wins() -> None:
    items = {"1a": {"status": "missing"}, "2a": {"status": "evidenced"}}
    assert count(items) == {"evidenced": 1, "declared": 0, "not_applicable": 0, "missing": 1, "total": 2}
    assert weakest(["evidenced", "declared"]) == "declared"


def test_the_hash_leaves_itself_out() -> None:
    record = {"a": 1, "metadata": {"manifest_hash": "x", "b": 2}}
    assert manifest_hash(record) == manifest_hash({"metadata": {"b": 2}, "a": 1})
    assert manifest_hash(record) != manifest_hash({"a": 2, "metadata": {"b": 2}})


def test_a_pointer_leads_to_its_place_or_nowhere() -> None:
    assert resolve_pointer({"a/b": [{"c~d": 7}]}, "/a~1b/0/c~0d") == 7
    for pointer in ("/x", "/a~1b/1", "/a~1b/-1", "/a~1b/0/c~0d/e"):
        with pytest.raises(LookupError):
            resolve_pointer({"a/b": [{"c~d": 7}]}, pointer)
