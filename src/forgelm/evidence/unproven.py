"""Says in plain words what a log that verifies does not prove, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from forgelm.evidence.walk import LogWalk

_SHOWN = 5


@dataclass(frozen=True)
class Unproven:
    """``what`` is a name for programs, ``text`` a sentence for people.

    ``what`` is one of: ``end`` (nothing was removed from the end), ``rewrite`` (nobody wrote the lines anew),
    ``replacement`` (this is the log that was begun here), ``operator`` (who it was), ``time`` (when it was),
    ``content`` (that it is true).
    """

    what: Literal["end", "rewrite", "replacement", "operator", "time", "content"]
    text: str


@dataclass(frozen=True)
class Proof:
    """What was shown: how many of ``lines`` an anchor covers and a trusted signature does; which lines carry tags."""

    lines: int
    anchored: int
    signed: int
    signer: str | None
    tags: Literal["none", "some", "all"]
    closed: bool
    last_event: str


def list_unproven(proof: Proof) -> tuple[Unproven, ...]:
    """Return what ``proof`` leaves open."""
    return tuple(_each(proof))


def list_notices(walk: LogWalk) -> tuple[str, ...]:
    """Return what is odd in a log that holds: clocks that went back, and runs that never closed."""
    notices = []
    for line in walk.clock_steps[:_SHOWN]:
        notices.append(
            f"line {line} is dated more than a second before the line above it: a clock was set back, or lied"
        )
    if len(walk.clock_steps) > _SHOWN:
        notices.append(f"at least {len(walk.clock_steps) - _SHOWN} more lines are dated before the line above them")
    runs = walk.open_runs
    if runs:
        more = f" and {len(runs) - _SHOWN} more" if len(runs) > _SHOWN else ""
        notices.append(f"without a closing record: {', '.join(runs[:_SHOWN])}{more}")
    return tuple(notices)


def _each(proof: Proof) -> Iterator[Unproven]:
    behind = "" if not proof.anchored else f" after line {proof.anchored}, the last that the anchor covers"
    if proof.anchored < proof.lines:
        if proof.closed:
            last = "The log is closed; whole runs, or what was logged after a run, may have followed"
        else:
            last = f"The log is open: it ends with '{proof.last_event}'"
        yield Unproven("end", f"That nothing was removed from the end{behind}. {last}.")
        yield Unproven("rewrite", f"That nobody wrote the lines anew{behind}. {_say_who(proof)}")
    if not proof.anchored:
        yield Unproven("replacement", "That this is the log that was begun here, and not another put in its place.")
    yield Unproven("operator", "Who it was: 'operator' is what the environment or the login said.")
    yield Unproven("time", "When it was: times are those of the machine that wrote.")
    yield Unproven("content", "That what the lines say is true, or complete.")


def _say_who(proof: Proof) -> str:
    if proof.signed:
        rest = "" if proof.signed >= proof.lines else f"; behind line {proof.signed}, whoever can write the file"
        return f"Whoever holds the signing key can{rest}."
    if proof.tags == "all":
        return "Whoever knows the secret can."
    if proof.signer:
        return (
            f"Whoever can write the file can; it says it is signed by {proof.signer}, and no key was given to check it."
        )
    if proof.tags == "some":
        return "Whoever can write the file can, where lines carry no tag."
    return "Whoever can write the file can; it carries no signature and no tag that was checked."
