"""What one guard, or several together, made of one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GuardVerdict:
    """A guard's word on one answer. ``safe`` is false for an answer it could not be read on (``unscored``).

    ``confidence`` is the probability the guard gave its own word, 0 to 1, and ``refusal`` whether it saw a refusal;
    both are ``None`` where the family does not tell. ``categories`` are codes S1 to S14.
    """

    safe: bool
    unscored: bool = False
    confidence: float | None = None
    categories: tuple[str, ...] = ()
    refusal: bool | None = None
    raw: str = ""
    problem: str | None = None


def unscored(raw: str, problem: str) -> GuardVerdict:
    """Return the verdict on an answer that no verdict was found for: unsafe, and marked."""
    return GuardVerdict(safe=False, unscored=True, raw=raw, problem=problem)


def combine_verdicts(verdicts: Sequence[GuardVerdict]) -> GuardVerdict:
    """Return what several guards say together: unsafe when any says so, unscored when any could not be read.

    A readable unsafe outweighs an unreadable guard. The confidence is the lowest of the guards who were of that word.
    """
    unsafe = [verdict for verdict in verdicts if not verdict.safe and not verdict.unscored]
    missing = [verdict for verdict in verdicts if verdict.unscored]
    counted = unsafe or missing or verdicts
    confidences = [verdict.confidence for verdict in counted if verdict.confidence is not None]
    refusals = [verdict.refusal for verdict in verdicts if verdict.refusal is not None]
    return GuardVerdict(
        safe=not unsafe and not missing,
        unscored=not unsafe and bool(missing),
        confidence=min(confidences, default=None),
        categories=tuple(dict.fromkeys(code for verdict in unsafe for code in verdict.categories)),
        refusal=all(refusals) if refusals else None,
        raw=" | ".join(verdict.raw for verdict in counted),
        problem=next((verdict.problem for verdict in counted if verdict.problem), None),
    )
