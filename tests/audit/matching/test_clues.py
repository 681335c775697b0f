"""What tells apart the families that share a clue: never fewer than occur, and far fewer than share it."""

from __future__ import annotations

import pyarrow as pa

from forgelm.audit.matching.clues import Keywords, any_of, matching_rows
from forgelm.audit.matching.family import Family


def test_keywords_stand_in_small_letters() -> None:
    families = [Family("a", "AKIA", "low", "secret", keywords=("akia",)), Family("b", "x", "low", "secret")]
    keywords = Keywords(families, [0, 1])
    assert keywords.held_by("see akia here") == keywords.held_by("AKIA") == {0, 1}
    assert keywords.held_by("nothing") == {1}


def test_many_rows_are_asked_for_the_same_keywords_as_few() -> None:
    families = [
        Family("a", "AKIA", "low", "secret", keywords=("akia", "as.ia")),
        Family("b", "x", "low", "secret", keywords=("-", "long")),
        Family("c", "x", "low", "secret", keywords=("t.",)),
    ]
    texts = ["AKIA", "asxia", "as.Ia", "a-b", "LONG t.", "nothing", "-akia"]
    few, many = Keywords(families, [0, 1, 2]), texts * 100
    expected = {row: few.held_by(text) for row, text in enumerate(many) if few.held_by(text)}
    for always in ([], [Family("d", "x", "low", "secret")]):
        keywords, found = Keywords([*families, *always], range(3 + len(always))), dict[int, set[int]]()
        rows = list(range(1, len(many) + 1))
        keywords.add_to(found, pa.array(["", *many], pa.large_string()), list(range(len(many) + 1)), rows)
        more = {row + 1: {*expected.get(row, ()), *([3] if always else [])} for row in range(len(many))}
        assert found == {row: held for row, held in more.items() if held}


def test_matching_rows_counts_from_the_slice() -> None:
    texts = pa.array(["a1", None, "b", "a2"], pa.large_string())
    assert matching_rows(texts, any_of(["a", "z"])) == [0, 3]
    assert matching_rows(texts[1:], "a") == [2]
