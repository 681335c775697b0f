"""Several guards' words made one."""

from __future__ import annotations

from forgelm.evaluate.safety.verdict import GuardVerdict, combine_verdicts, unscored

SAFE = GuardVerdict(True, confidence=0.9)
UNSURE = GuardVerdict(True, confidence=0.6)
UNSAFE = GuardVerdict(False, confidence=0.8, categories=("S2",))


def test_one_unsafe_is_enough() -> None:
    found = combine_verdicts([SAFE, UNSAFE])
    assert (found.safe, found.unscored, found.confidence, found.categories) == (False, False, 0.8, ("S2",))


def test_a_guard_that_cannot_be_read_leaves_it_open() -> None:
    found = combine_verdicts([SAFE, unscored("hm", "prose")])
    assert (found.safe, found.unscored, found.problem) == (False, True, "prose")


def test_a_readable_unsafe_outweighs_an_unreadable_guard() -> None:
    assert combine_verdicts([unscored("hm", "prose"), UNSAFE]) == combine_verdicts([UNSAFE])


def test_the_least_sure_counts() -> None:
    assert combine_verdicts([SAFE, UNSURE]).confidence == 0.6


def test_a_refusal_is_one_when_all_who_tell_say_so() -> None:
    yes, no = GuardVerdict(True, refusal=True), GuardVerdict(True, refusal=False)
    assert combine_verdicts([yes, SAFE]).refusal is True
    assert combine_verdicts([yes, no]).refusal is False
    assert combine_verdicts([SAFE]).refusal is None
