"""Replaces what finders find in a text, keeping track of where its pages begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]
# A replacement changes what stands beside it, which may complete another value.
_ROUNDS = 8


@dataclass(frozen=True)
class Masker:
    """What to look for: ``find`` gives the kind and place of each finding; ``replacement`` stands in their stead."""

    name: str
    find: Callable[[str], Sequence[tuple[str, Span]]]
    replacement: str


def apply_masks(text: str, starts: Sequence[int], maskers: Sequence[Masker]) -> tuple[str, list[int], Counter[str]]:
    """Return ``text`` without the findings, the new place of each of ``starts``, and counts by ``name/kind``.

    A place inside a finding moves to its replacement's beginning; ``starts`` ascend.
    """
    places, counts = list(starts), Counter[str]()
    for masker in maskers:
        found = masker.find(text)
        counts.update(f"{masker.name}/{kind}" for kind, _ in found)
        for _ in range(_ROUNDS):
            masked, moved = _replace(text, places, [span for _, span in found], masker.replacement)
            if masked == text:
                break
            text, places = masked, moved
            found = masker.find(text)
    return text, places, counts


def _replace(text: str, places: list[int], spans: list[Span], replacement: str) -> tuple[str, list[int]]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    edges = [0, *(edge for span in joined for edge in span), len(text)]
    kept = [text[start:end] for start, end in list(pairwise(edges))[::2]]
    return replacement.join(kept), [_move(place, joined, len(replacement)) for place in places]


def _move(place: int, spans: list[Span], length: int) -> int:
    moved = place
    for start, end in spans:
        if end <= place:
            moved += length - (end - start)
        elif start < place:
            moved -= place - start
    return moved
