"""Where rows and lines stand."""

from __future__ import annotations

from audit_scans import Scanned


def test_rows_are_placed_by_split_and_line(scanned: Scanned) -> None:
    places = scanned.searched.places
    assert places.ranges == {"train": range(6), "test": range(6, 8)}
    assert [
        (place.split, place.row, place.where.rpartition("/")[2]) for place in map(places.find, (0, 1, 5, 6, 7))
    ] == [
        ("train", 0, "train.jsonl:1"),
        ("train", 1, "train.jsonl:3"),
        ("train", 5, "train.jsonl:7"),
        ("test", 0, "test.jsonl:1"),
        ("test", 1, "test.jsonl:3"),
    ]


def test_lines_without_a_row_are_placed_before_the_next_one(scanned: Scanned) -> None:
    place = scanned.searched.places.find_line(1, 1)
    assert (place.split, place.row, place.where.rpartition("/")[2]) == ("test", 1, "test.jsonl:2")
