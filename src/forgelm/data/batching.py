"""The lengths of rows to the way they become batches: padded, joined or of like length, with the reason. Pure."""

from __future__ import annotations

import heapq
import math
import random as chance
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra

Order = Literal["group_by_length", "random", "sequential"]
Mode = Literal["padded", "padding_free", "packing"]

_NEGLIGIBLE = 0.10
_DRAWN_BATCHES = 64  # how many random batches are laid out to see what joining would leave
_GROUPED_BATCHES = 50  # how many batches length-grouped order sorts at a time


@dataclass(frozen=True)
class Wanted:
    """What was set rather than left to the lengths; an ``order`` or a ``mode`` that is ``None`` is chosen.

    ``obstacle`` says why rows cannot be joined, and is ``None`` where they can.
    """

    mode: Mode | None = None
    order: Order | None = None
    obstacle: str | None = None


@dataclass(frozen=True)
class Batching:
    """How batches are put together, and what share (0 to 1) of them would be padding, or filler where rows are joined.

    ``mode`` is ``padded`` to the longest row, ``padding_free`` where the rows of a batch are joined into fewer lines,
    or ``packing``. ``speedup`` is how many times less is computed without any padding than with random batches.
    """

    batch_size: int
    random_waste: float
    joined_waste: float
    grouped_waste: float
    speedup: float
    mode: Mode
    order: Order
    reason: str

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"summary": str(self)}

    def __str__(self) -> str:
        joined = {"padded": "padded", "padding_free": "rows of a batch joined", "packing": "packed"}[self.mode]
        order = {"random": "random order", "sequential": "the order of the data"}.get(self.order, "rows of like length")
        return f"{order}, {joined}: {self.reason}"


def choose_batching(
    lengths: Sequence[int], batch_size: int, *, max_length: int | None = None, wanted: Wanted | None = None
) -> Batching:
    """Return how rows of ``lengths`` tokens, cut at ``max_length``, become batches of ``batch_size``.

    Where random batches are hardly padded they stay as they are. Otherwise the rows of a random batch are joined if
    that computes less, which changes no loss; where it cannot be done, rows of like length are put together. Rows of
    length 0 do not count. Packing changes which rows share a step, so it is never chosen, only named where it is set.

    The waste of random batches is the exact expectation over all ways to draw them. That of grouped batches is for
    rows sorted within draws of 50 batches, as length-grouped samplers do; that of joined ones is measured on 64.

    Raises:
        ConfigError: ``batch_size`` is below 1.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}")
    wanted = wanted or Wanted()
    waste = _measure_waste(lengths, batch_size, max_length)
    mode, order, reason = _choose(waste, batch_size, wanted)
    speedup = 1.0 / (1.0 - waste.random)
    return Batching(batch_size, waste.random, waste.joined, waste.grouped, speedup, mode, order, reason)


@dataclass(frozen=True)
class _Waste:
    random: float = 0.0
    joined: float = 0.0
    grouped: float = 0.0


def _choose(waste: _Waste, size: int, wanted: Wanted) -> tuple[Mode, Order, str]:
    padding = f"random batches of {size} are {waste.random:.0%} padding"
    if wanted.mode == "packing":
        return "packing", wanted.order or "random", "training.packing is set"
    if wanted.mode == "padding_free":
        return "padding_free", wanted.order or "random", "training.padding_free is set"
    if wanted.order == "group_by_length":
        return "padded", "group_by_length", "training.train_sampling_strategy is set"
    if waste.random < _NEGLIGIBLE:
        return "padded", wanted.order or "random", f"{padding}, which is not worth a change"
    if wanted.mode is None and wanted.obstacle is None:
        # What is computed, as a multiple of the tokens, with and without joining.
        saved = 1.0 - (1.0 - waste.random) / (1.0 - waste.joined)
        if saved < _NEGLIGIBLE:
            return "padded", wanted.order or "random", f"{padding}; joining their rows would leave {waste.joined:.0%}"
        return "padding_free", wanted.order or "random", f"{padding}, and {waste.joined:.0%} with their rows joined"
    obstacle = wanted.obstacle or "training.padding_free is false"
    if wanted.order is not None:
        return "padded", wanted.order, f"{padding}, and rows are not joined: {obstacle}"
    return "padded", "group_by_length", f"{padding}, and rows are not joined: {obstacle}"


def _measure_waste(lengths: Sequence[int], batch_size: int, max_length: int | None) -> _Waste:
    np = load_extra("numpy", extra="train")
    rows = np.sort(np.asarray(lengths, np.int64))
    rows = rows[rows > 0]
    if max_length is not None:
        rows = np.minimum(rows, max_length)
    if not len(rows):
        return _Waste()
    mean, size = float(rows.mean()), min(batch_size, len(rows))
    # Sums of rows that are all alike may come out a rounding below zero.
    padded, grouped = (max(1.0 - mean / longest(rows, size), 0.0) for longest in (_expect_longest, _expect_grouped))
    return _Waste(padded, _measure_joined(rows.tolist(), size), grouped)


def _measure_joined(rows: list[int], size: int) -> float:
    draw, tokens, positions = chance.Random(0), 0, 0
    for _ in range(_DRAWN_BATCHES):
        batch = draw.sample(rows, size)
        lines = fit_lines(batch)
        tokens += sum(batch)
        positions += len(lines) * _longest(batch, lines)
    return 1.0 - tokens / positions


def _expect_longest(ascending: Any, size: int) -> float:
    """Return the mean over all batches of ``size`` different rows of the longest in the batch.

    The row with ``i`` shorter ones is the longest with the chance C(i, size - 1) / C(rows, size): a product of ``size``
    factors.
    """
    np = load_extra("numpy", extra="train")
    rows = len(ascending)
    shorter = np.arange(rows, dtype=np.float64)
    chances = np.full(rows, size / rows)
    for drawn in range(size - 1):
        chances *= np.maximum(shorter - drawn, 0.0) / (rows - 1 - drawn)
    return float(ascending @ chances)


def _expect_grouped(ascending: Any, size: int) -> float:
    """Return the mean padded length when draws of 50 batches are sorted and cut into batches: the typical draw."""
    np = load_extra("numpy", extra="train")
    drawn = min(size * _GROUPED_BATCHES, len(ascending))
    places = ((np.arange(drawn) + 0.5) * len(ascending) / drawn).astype(np.int64)
    typical = ascending[places][::-1]
    longest = typical[::size]
    sizes = np.diff(np.append(np.arange(0, drawn, size), drawn))
    padded = float(longest @ sizes) / drawn
    return padded * float(ascending.mean()) / float(typical.mean())


def fit_lines(lengths: Sequence[int]) -> list[list[int]]:
    """Return the rows of a batch laid out in lines, by index: the lines are padded to the longest of them.

    It starts from best-fit-decreasing into lines as long as the longest row. Fewer and longer lines of about equal
    length are taken where they have fewer positions and no more attention, whose cost is the square of a line's length.
    As many lines as rows mean that nothing could be joined.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    best = _fit_best(lengths, order)
    most_pairs = len(best) * _longest(lengths, best) ** 2
    # However evenly the rows are shared out, a line is at least their sum over the number of lines.
    fewest = math.ceil(sum(lengths) ** 2 / most_pairs)
    for count in range(len(best) - 1, fewest - 1, -1):
        lines = _share_out(lengths, order, count)
        width = _longest(lengths, lines)
        if count * width < len(best) * _longest(lengths, best) and count * width**2 <= most_pairs:
            best = lines
    return best


def _fit_best(lengths: Sequence[int], order: Sequence[int]) -> list[list[int]]:
    lines: list[list[int]] = []
    room: list[int] = []
    for index in order:
        fitting = [line for line, left in enumerate(room) if left >= lengths[index]]
        if fitting:
            line = min(fitting, key=lambda number: room[number])
            lines[line].append(index)
            room[line] -= lengths[index]
        else:
            lines.append([index])
            room.append(lengths[order[0]] - lengths[index])
    return lines


def _share_out(lengths: Sequence[int], order: Sequence[int], count: int) -> list[list[int]]:
    """Give each row, the longest first, to the shortest of ``count`` lines."""
    lines: list[list[int]] = [[] for _ in range(count)]
    heap = [(0, line) for line in range(count)]
    for index in order:
        filled, line = heapq.heappop(heap)
        lines[line].append(index)
        heapq.heappush(heap, (filled + lengths[index], line))
    return lines


def _longest(lengths: Sequence[int], lines: Sequence[Sequence[int]]) -> int:
    return max(sum(lengths[index] for index in line) for line in lines)
