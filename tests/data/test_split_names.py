from __future__ import annotations

import pytest

from forgelm.data.split_names import choose_splits, note_unread, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("train-00001-of-00003", "train"),
        ("orders_Train", "train"),
        ("valid", "validation"),
        ("val_2", "validation"),
        ("dev", "validation"),
        ("eval", "test"),
        ("holdout", "test"),
        ("test_sft", "test"),
        ("training.jsonl", "train"),
        ("trainer", None),
        ("devices", None),
        ("orders", None),
    ],
)
def test_splits_are_told_by_whole_words(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_the_test_split_stands_in_only_when_there_is_no_validation_split() -> None:
    assert choose_splits({"train", "test", "validation"}, train_only=False) == ("train", "validation")
    assert choose_splits({"train", "test"}, train_only=False) == ("train", "test")
    assert choose_splits({"train"}, train_only=False) == ("train",)
    assert choose_splits({"train", "validation"}, train_only=True) == ("train",)


def test_unread_splits_are_mentioned() -> None:
    assert note_unread("d", ["train", "test"], ("train",)) == ["d: not read: test split"]
    assert note_unread("d", ["train"], ("train",)) == []
