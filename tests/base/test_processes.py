"""A process finds its place in the launcher's variables, and stands alone without them."""

from __future__ import annotations

import pytest

from forgelm.base.errors import ConfigError
from forgelm.base.processes import Place, read_place


def test_without_a_launcher_a_process_is_alone_and_first() -> None:
    for environment in ({}, {"RANK": "1"}, {"WORLD_SIZE": "4", "RANK": "0"}, {"RANK": "", "WORLD_SIZE": "", "X": "1"}):
        place = read_place(environment)
        assert (place, place.first, place.alone) == (Place(0, 1, 0), True, True)


def test_a_launcher_says_which_process_this_is() -> None:
    place = read_place({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1"})
    assert (place.index, place.count, place.local, place.first, place.alone) == (5, 8, 1, False, False)
    assert read_place({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}).first
    assert read_place({"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}).here == 4


@pytest.mark.parametrize("values", [("2", "2", "0"), ("-1", "2", "0"), ("0", "2", "1"), ("one", "2", "0")])
def test_variables_that_contradict_each_other_are_refused(values: tuple[str, str, str]) -> None:
    with pytest.raises(ConfigError, match="WORLD_SIZE"):
        read_place(dict(zip(("RANK", "WORLD_SIZE", "LOCAL_RANK"), values, strict=True)))
