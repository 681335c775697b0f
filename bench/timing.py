"""Times child processes in turn, so that a slow moment of the machine hits every contender."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Seconds of every counted run: user plus system time, and wall-clock time."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


def time_in_turn(commands: dict[str, Sequence[str]], *, runs: int, warm_up: int = 1) -> dict[str, Times]:
    """Run each command ``warm_up + runs`` times, one after the other; a command that fails ends the benchmark."""
    cpu: dict[str, list[float]] = {name: [] for name in commands}
    wall: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(warm_up + runs):
        for name, command in commands.items():
            used, took = _time_one(name, command)
            if turn >= warm_up:
                cpu[name].append(used)
                wall[name].append(took)
    return {name: Times(tuple(cpu[name]), tuple(wall[name])) for name in commands}


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    return f"{min(values):.2f} / {middle(values):.2f} / {max(values):.2f}"


def _time_one(name: str, command: Sequence[str]) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{name} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, took
