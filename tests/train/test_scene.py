"""A scene is its text and its pictures; the processor that read them does not make it another one."""

from __future__ import annotations

from forgelm.data.picture import Picture
from forgelm.train.scene import Scene


def test_scenes_are_equal_by_what_is_shown() -> None:
    one, other = Picture("a", data=b"a"), Picture("b", data=b"b")
    assert Scene("first", "t", (one,), 5, False) == Scene("second", "t", (one,), 5, False)
    assert Scene("first", "t", (one,), 5, False) != Scene("first", "t", (other,), 5, False)
    assert "first" not in repr(Scene("first", "t", (one,), 5, False))
