"""Rates of rows that two splits share."""

from __future__ import annotations

from duplicate_corpora import find

from forgelm.audit.duplicates.leakage import describe_leakage


def test_leaks_are_rates_of_the_rows_with_words() -> None:
    found = find({"train": ["a b c", "a b c", "d e f", ""], "test": ["a b c", "new words", "more new", "..."]})
    assert describe_leakage(found) == {
        "train__test": {
            "leaked_rows_in_a": 2,
            "leak_rate_a": 0.6667,
            "leaked_rows_in_b": 1,
            "leak_rate_b": 0.3333,
        }
    }


def test_more_splits_than_bits_in_a_word() -> None:
    found = find({f"part{number}": ["same words", f"own{number} words{number}"] for number in range(70)})
    assert found.leaked.sum() == 70 * 69
    assert len(describe_leakage(found)) == 70 * 69 // 2


def test_a_split_without_words_leaks_nothing() -> None:
    leak = describe_leakage(find({"train": ["a b"], "test": ["..."]}))["train__test"]
    assert leak == {"leaked_rows_in_a": 0, "leak_rate_a": 0.0, "leaked_rows_in_b": 0, "leak_rate_b": 0.0}
