"""Clusters as a person reads them, and what a clean copy leaves out."""

from __future__ import annotations

from duplicate_corpora import find

from forgelm.audit.duplicates.clusters import iterate_left_out, list_clusters, mark_kept


def test_clusters_come_largest_first_with_their_rows() -> None:
    found = find({"train": ["a b c", "x y z", "a b c", "q", "x y z", "x z y"], "test": ["a b c", "x y z"]})
    first, second = list_clusters(found, most_rows=3)
    assert (first.size, first.exact, [row.row for row in first.rows]) == (4, False, [1, 4, 5])
    assert (second.size, second.exact, [(row.split, row.row) for row in second.rows]) == (
        3,
        True,
        [("train", 0), ("train", 2), ("test", 0)],
    )
    assert list_clusters(found, most=1) == [list_clusters(found)[0]]


def test_all_but_the_first_of_a_cluster_are_left_out() -> None:
    found = find({"train": ["one two", "two one", "one two", "...", "", "..."], "test": ["One two", "one two", ""]})
    assert mark_kept(found).tolist() == [True, False, False, True, True, False, False, False, True]
    assert [(one.row.split, one.row.row, one.kept.row, one.reason) for one in iterate_left_out(found)] == [
        ("train", 1, 0, "near"),
        ("train", 2, 0, "exact"),
        ("train", 5, 3, "exact"),
        ("test", 0, 0, "near"),
        ("test", 1, 0, "exact"),
    ]


def test_a_row_that_equals_a_row_left_out_is_near_to_the_one_kept() -> None:
    found = find({"train": ["a b c", "c b a", "c b a"]})
    assert [(one.row.row, one.kept.row, one.reason) for one in iterate_left_out(found)] == [
        (1, 0, "near"),
        (2, 0, "near"),
    ]
