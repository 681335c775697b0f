"""Evaluation texts that were trained on: equal, nearly equal, or long runs of them; and not what is merely similar."""

from __future__ import annotations

import pytest

from forgelm.evaluate.memorisation.overlap import find_overlap

LONG = (
    "the night train to the coast leaves from platform nine at twenty past eleven and stops at every village where "
    "someone waits with a lantern in the hand, unless the river has risen over the bridge"
)
OTHER = "bread should rest in a warm kitchen for three quarters of an hour before it is shaped and baked at full heat"


def hows(items: list[str], training: list[str], ngram: int = 8) -> dict[int, tuple[int, str]]:
    return {one.item: (one.row, one.how) for one in find_overlap(items, training, ngram=ngram)}


def test_each_way_to_be_in_the_training_rows_is_found_and_named() -> None:
    near = LONG.replace("village", "hamlet")
    half = f"She read aloud: {LONG[:150]} and then she closed the book because nobody was listening to her any more"
    training = [OTHER, LONG]
    assert hows([LONG, near, half], training) == {0: (1, "exact"), 1: (1, "near"), 2: (1, "ngram")}


def test_what_only_sounds_alike_is_not_found() -> None:
    alike = "the night train leaves at eleven from platform two and the coast is far away for someone who has to walk"
    assert hows([alike, OTHER], [LONG, "short"]) == {}


def test_two_items_with_the_same_words_are_both_found() -> None:
    quoted = f"He said that {LONG} and left"
    assert hows([LONG, f"{LONG} indeed", OTHER], [OTHER, quoted], ngram=13) == {
        0: (1, "near") if hows([LONG], [quoted])[0][1] == "near" else (1, "ngram"),
        1: hows([f"{LONG} indeed"], [OTHER, quoted], ngram=13)[0],
        2: (0, "exact"),
    }


@pytest.mark.parametrize(("items", "training"), [([], [LONG]), ([LONG], []), (["a b"], [LONG]), ([""], ["", LONG])])
def test_little_text_or_none_is_no_fault(items: list[str], training: list[str]) -> None:
    assert all(one.how == "exact" for one in find_overlap(items, training, ngram=13))


def test_a_short_text_is_found_whole_within_a_longer_one() -> None:
    assert hows(["platform nine at twenty past eleven"], [OTHER, LONG], ngram=13) == {0: (1, "ngram")}
