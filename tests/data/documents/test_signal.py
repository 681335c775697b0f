"""Signs of a bad extraction."""

from __future__ import annotations

from forgelm.data.documents.signal import Presignal, find_signs


def test_signs() -> None:
    assert find_signs("A plain sentence.") == []
    assert find_signs("1234567890 " * 10) == ["alpha_ratio"]
    assert find_signs("same\nsame\nsame\nother") == ["repeated_lines"]
    presignal = Presignal()
    presignal.look_at("\ufffd" * 3)
    assert presignal.render()["by_check"]["weird_chars"] == 1
