"""The order of rows, a function of (seed, epoch) alone, and the randomness of a step, one of (seed, step)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

_BATCHES_IN_BLOCK, _FEWEST_BLOCKS = 50, 4


def step_seed(seed: int, step: int, micro_batch: int) -> int:
    """Return the seed of everything random in one micro-batch: dropout, noise, drawn replies.

    Restoring the state of a generator cannot do that: skipping batches, or opening a loader, moves it on.
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{step}:{micro_batch}".encode()).digest()[:4], "big")


class EpochOrder:
    """A sampler over row indices. ``strategy``: ``random``, ``sequential`` or ``group_by_length``.

    ``group_by_length`` shuffles, then sorts inside blocks of at most 50 batches, so that rows of one batch have about
    the same length and little is padded; there are at least four blocks, so that epochs differ in their batches. The
    order of the batches stays random, and the longest comes first, so that running out of memory shows at once.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int, strategy: str) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._strategy = strategy
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        indices = list(range(len(self._lengths)))
        if self._strategy == "sequential":
            return iter(indices)
        rng = random.Random(f"{self._seed}:{self.epoch}")
        rng.shuffle(indices)
        return iter(self._grouped(indices, rng) if self._strategy == "group_by_length" else indices)

    def _grouped(self, indices: list[int], rng: random.Random) -> list[int]:
        size = self._batch_size
        block = size * max(1, min(len(indices) // (size * _FEWEST_BLOCKS), _BATCHES_IN_BLOCK))
        batches: list[list[int]] = []
        for start in range(0, len(indices), block):
            part = sorted(indices[start : start + block], key=lambda index: self._lengths[index], reverse=True)
            batches += [part[at : at + size] for at in range(0, len(part), size)]
        tail = [batches.pop()] if batches and len(batches[-1]) < size else []
        longest = max(batches, key=lambda batch: self._lengths[batch[0]], default=None)
        rng.shuffle(batches)
        if longest is not None:
            batches.remove(longest)
            batches.insert(0, longest)
        return [index for batch in [*batches, *tail] for index in batch]


class GroupOrder:
    """A sampler for GRPO over an ``EpochOrder``: ``prompts`` rows a step, each ``replies`` times, and all again.

    Rows that do not fill a step are left out, other ones in every epoch.
    """

    def __init__(self, rows: EpochOrder, *, prompts: int, replies: int, repeats: int) -> None:
        self._rows = rows
        self._prompts = prompts
        self._replies = replies
        self._repeats = repeats

    def set_epoch(self, epoch: int) -> None:
        self._rows.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._rows) // self._prompts * self._prompts * self._replies * self._repeats

    def __iter__(self) -> Iterator[int]:
        indices = list(self._rows)
        for start in range(0, len(indices) - self._prompts + 1, self._prompts):
            group = [index for index in indices[start : start + self._prompts] for _ in range(self._replies)]
            for _ in range(self._repeats):
                yield from group
