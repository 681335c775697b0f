"""Checks that an audit log holds together, and against what was noted elsewhere; says what that does not prove.

A hash chain shows that lines were changed, not that lines are missing at its end: any beginning of a valid log is a
valid log. Only something kept elsewhere can contradict a log that was shortened or written anew.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from forgelm.base.events import Event
from forgelm.evidence.anchor import Anchor
from forgelm.evidence.checkpoint import checkpoint_path, log_origin, parse_checkpoint, read_checkpoint
from forgelm.evidence.keys import PublicKey
from forgelm.evidence.line import GENESIS
from forgelm.evidence.lock import settled_size
from forgelm.evidence.note import check_note
from forgelm.evidence.pin import read_pin
from forgelm.evidence.ranges import walk_file, walk_in_ranges
from forgelm.evidence.unproven import Proof, Unproven, list_notices, list_unproven
from forgelm.evidence.walk import LogWalk, Problem, Rules


@dataclass(frozen=True)
class VerifyResult:
    """What ``verify_audit_log`` found.

    ``entries_count`` counts the file's lines, ``first_invalid_index`` is the number of the first bad one, from 1.
    ``hmac_verified`` is ``None`` without a secret, ``True`` when every line carries a tag that matches it.
    ``chain_head`` is the hash of the last line that holds. ``failure`` says what kind of no it is: the log contradicts
    itself or an anchor, it is empty and nothing says it was ever begun, or the question could not be asked.

    ``state`` is ``"closed"`` when the last line is a closing record, else ``"open"``: a run is under way, was killed,
    or lines are missing. ``root`` is the RFC 6962 root over the lines that hold, in hex, ``None`` when no record,
    checkpoint or anchor asks for it. ``anchored`` is how many lines an anchor covers, ``signed`` how many a trusted
    key's signature does; ``signer`` is the key that the last record names. ``unproven`` says what nothing here shows,
    ``notices`` what is odd and may have an innocent reason.
    """

    valid: bool
    entries_count: int
    first_invalid_index: int | None = None
    reason: str | None = None
    hmac_verified: bool | None = None
    chain_head: str | None = None
    failure: Literal["integrity", "empty", "usage"] | None = None
    state: Literal["open", "closed"] | None = None
    root: str | None = None
    anchored: int = 0
    signed: int = 0
    signer: str | None = None
    unproven: tuple[Unproven, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def entries_checked(self) -> int:
        """The number of lines, from the first, that hold."""
        return self.entries_count if self.first_invalid_index is None else self.first_invalid_index - 1

    @property
    def problem(self) -> str | None:
        """The reason behind its line, ``line 3: not valid JSON``; ``None`` when nothing is wrong."""
        return self.reason if self.first_invalid_index is None else f"line {self.first_invalid_index}: {self.reason}"


def verify_audit_log(
    path: str,
    *,
    hmac_secret: str | None = None,
    require_hmac: bool = False,
    anchors: Sequence[Anchor] = (),
    min_size: int = 0,
    keys: Sequence[PublicKey] = (),
    workers: int = 1,
) -> VerifyResult:
    """Check every link, number, record and, given ``hmac_secret``, tag of the log at ``path``, in constant memory.

    With a secret, a line without a tag after one with a tag fails; ``require_hmac`` wants a tag on every line.
    ``anchors`` (``read_anchors``) are checkpoints kept elsewhere: the log must begin with the lines they cover. The one
    beside the log is compared with it anyway, and counts for nothing.
    ``min_size`` is the least number of lines. With ``keys``, the log must carry a record that one of them signed.
    ``workers`` processes share a long log (a script needs its ``if __name__ == "__main__":`` for them).

    Raises:
        OSError: the file is missing, not a regular file, or cannot be read. A log that does not hold is a result.
        OptionalDependencyError: ``keys`` are given, and the extra ``sign`` is not installed.
    """
    if require_hmac and not hmac_secret:
        reason = "require_hmac needs the secret the log was tagged with, and none was given"
        return VerifyResult(False, 0, reason=reason, failure="usage")
    log = Path(path)
    # The checkpoint is read first: a writer that goes on meanwhile makes the log longer than it, never shorter.
    with _open_regular(log) as stream:
        beside, unusable = _read_beside(log)
        sizes = _sizes(anchors, beside)
        rules = Rules(hmac_secret, require_hmac, tuple(keys), sizes, with_root=bool(sizes))
        size = settled_size(stream.fileno())
        walk = walk_in_ranges(log, size, rules, workers) if workers > 1 else None
        walk, total = (walk, walk.number) if walk is not None else walk_file(stream, size, rules)
    if not total:
        return _judge_empty(log, needed=bool(anchors or min_size))
    problem = walk.problem or unusable or next(_contradictions(log, walk, beside, anchors, min_size), None)
    # A copy that can be changed together with the log is compared with it, but shows nothing.
    elsewhere = (anchor.checkpoint.size for anchor in anchors if not _stands_beside(log, anchor))
    return _conclude(walk, total, problem, max(elsewhere, default=0))


@dataclass(frozen=True)
class _Beside:
    """The checkpoint that stands beside the log, and the note it was read from."""

    anchor: Anchor
    text: str


def _conclude(walk: LogWalk, total: int, problem: Problem | None, anchored: int) -> VerifyResult:
    secret, valid = walk.rules.secret, problem is None
    tagged = None if not secret else valid and walk.tagged == walk.number
    proof = Proof(
        lines=walk.number,
        anchored=anchored,
        signed=walk.signed_size,
        signer=walk.signer,
        tags="none" if not walk.tagged else "all" if tagged else "some",
        closed=walk.last_event == Event.RUN_CLOSED,
        last_event=str(walk.last_event),
    )
    return VerifyResult(
        valid=valid,
        entries_count=total,
        first_invalid_index=problem.line if problem else None,
        reason=problem.reason if problem else None,
        hmac_verified=tagged,
        chain_head=walk.head if walk.head != GENESIS else None,
        failure="integrity" if problem else None,
        state=None if problem else "closed" if proof.closed else "open",
        root=walk.tree.root().hex() if walk.tree.size else None,
        anchored=anchored if valid else 0,
        signed=walk.signed_size if valid else 0,
        signer=walk.signer,
        unproven=list_unproven(proof) if valid else (),
        notices=list_notices(walk) if valid else (),
    )


def _contradictions(
    log: Path, walk: LogWalk, beside: _Beside | None, anchors: Sequence[Anchor], min_size: int
) -> Iterator[Problem]:
    yield from _check_pin(log, walk)
    if beside is not None:
        yield from _check_anchor(walk, beside.anchor)
        yield from _check_beside_signature(walk, beside)
    for anchor in anchors:
        yield from _check_anchor(walk, anchor)
    if walk.number < min_size:
        yield Problem(None, f"the log has {walk.number} lines, and at least {min_size} are asked for")
    if walk.rules.keys and not walk.signed_size:
        yield Problem(None, "no record in the log is signed by a trusted key")


def _check_pin(log: Path, walk: LogWalk) -> Iterator[Problem]:
    try:
        pin = read_pin(log)
    except ValueError as error:
        yield Problem(None, str(error))
        return
    if pin is not None and (pin.first_entry_sha256, pin.run_id) != walk.first:
        yield Problem(1, "not the first line that the log's manifest pins: the log was begun again or exchanged")


def _check_anchor(walk: LogWalk, anchor: Anchor) -> Iterator[Problem]:
    size, root = anchor.checkpoint.size, anchor.checkpoint.root
    if anchor.origin is not None and anchor.origin != log_origin(walk.first[0]):
        yield Problem(None, f"{anchor.source} is about another log, or about this one before it was begun again")
    elif size > walk.number:
        yield Problem(None, f"{anchor.source} knows {size} lines, and the log has {walk.number}: lines were removed")
    elif size and walk.roots[size] != root:
        yield Problem(None, f"{anchor.source} does not fit: the first {size} lines are not those it covers")


def _check_beside_signature(walk: LogWalk, beside: _Beside) -> Iterator[Problem]:
    if not walk.rules.keys:
        return
    try:
        if check_note(parse_checkpoint(beside.text)[2], walk.rules.keys):
            walk.signed_size = max(walk.signed_size, beside.anchor.checkpoint.size)
    except ValueError as error:
        yield Problem(None, f"{beside.anchor.source}: {error}")


def _read_beside(log: Path) -> tuple[_Beside | None, Problem | None]:
    name = checkpoint_path(log).name
    try:
        text = read_checkpoint(log)
        if text is None:
            return None, None
        origin, checkpoint, _ = parse_checkpoint(text)
    except ValueError as error:
        return None, Problem(None, f"{name} is not a checkpoint: {error}")
    return _Beside(Anchor(name, checkpoint, origin), text), None


def _stands_beside(log: Path, anchor: Anchor) -> bool:
    return os.path.realpath(anchor.source) == os.path.realpath(checkpoint_path(log))


def _sizes(anchors: Sequence[Anchor], beside: _Beside | None) -> frozenset[int]:
    sizes = {anchor.checkpoint.size for anchor in anchors}
    return frozenset(sizes | {beside.anchor.checkpoint.size} if beside else sizes)


def _judge_empty(log: Path, *, needed: bool) -> VerifyResult:
    try:
        begun = read_pin(log) is not None or read_checkpoint(log) is not None
    except ValueError:
        begun = True
    if begun or needed:
        what = "its manifest or its checkpoint exists" if begun else "more is asked for"
        return VerifyResult(False, 0, reason=f"the log is empty, and {what}", failure="integrity")
    return VerifyResult(False, 0, reason="the log is empty: nothing was ever written to it", failure="empty")


def _open_regular(path: Path) -> BinaryIO:
    """Opening a pipe would wait for a writer for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.open("rb")
