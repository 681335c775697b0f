"""Which of the processes of one training this one is, read from the environment that torchrun and its like set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from forgelm.base.errors import ConfigError


@dataclass(frozen=True)
class Place:
    """This process's number among ``count``, and among the ``here`` of its machine: both from 0."""

    index: int = 0
    count: int = 1
    local: int = 0
    here: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that prints, logs and writes."""
        return self.index == 0

    @property
    def alone(self) -> bool:
        return self.count == 1


def read_place(environment: Mapping[str, str] | None = None) -> Place:
    """Return this process's place; alone where no launcher says otherwise.

    Raises:
        ConfigError: the launcher's variables contradict each other.
    """
    given = os.environ if environment is None else environment
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if not all(given.get(name) for name in names):
        return Place()
    try:
        index, count, local = (int(given[name]) for name in names)
        here = int(given.get("LOCAL_WORLD_SIZE") or local + 1)
    except ValueError as error:
        raise ConfigError(
            f"RANK, WORLD_SIZE, LOCAL_RANK and LOCAL_WORLD_SIZE must be whole numbers: {error}"
        ) from error
    if not (0 <= local <= index < count):
        raise ConfigError(f"RANK={index}, LOCAL_RANK={local} and WORLD_SIZE={count} contradict each other")
    return Place(index, count, local, here)
