from forgelm.evidence.bundle.case import failed, passed, unchecked
from forgelm.evidence.bundle.report import Check, Status


def test_each_word_makes_its_outcome() -> None:
    assert passed("a", "b") == Check("a", Status.PASSED, "b")
    assert failed("a", "b", "c", "d") == Check("a", Status.FAILED, "b", ("c", "d"))
    assert unchecked("a", "b") == Check("a", Status.NOT_CHECKED, "b")
