"""Checks that a whole audit log holds together: every link, number and tag, and the pin of its first line.

A hash chain shows that lines were changed, not that lines are missing at its end: any beginning of a valid log is a
valid log. Compare ``chain_head`` and ``entries_count`` with what was noted elsewhere.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from forgelm.evidence.line import GENESIS, LONGEST_LINE, read_entry, tag_key, tag_matches
from forgelm.evidence.lock import settled_size
from forgelm.evidence.pin import read_pin

_BLOCK = 1 << 20


@dataclass(frozen=True)
class VerifyResult:
    """What ``verify_audit_log`` found.

    ``entries_count`` counts the file's lines, ``first_invalid_index`` is the number of the first bad one, from 1.
    ``hmac_verified`` is ``None`` without a secret, ``True`` when every line carries a tag that matches it.
    ``chain_head`` is the hash of the last line that holds. ``failure`` says what kind of no it is: the log contradicts
    itself, it is empty and nothing says it was ever begun, or the question could not be asked.
    """

    valid: bool
    entries_count: int
    first_invalid_index: int | None = None
    reason: str | None = None
    hmac_verified: bool | None = None
    chain_head: str | None = None
    failure: Literal["integrity", "empty", "usage"] | None = None

    @property
    def entries_checked(self) -> int:
        """The number of lines, from the first, that hold."""
        return self.entries_count if self.first_invalid_index is None else self.first_invalid_index - 1


def verify_audit_log(path: str, *, hmac_secret: str | None = None, require_hmac: bool = False) -> VerifyResult:
    """Check every link, number and, given ``hmac_secret``, tag of the log at ``path``, in constant memory.

    With a secret, a line without a tag after one with a tag fails; ``require_hmac`` wants a tag on every line.
    Not proven: that no lines were removed from the end, and without a secret that the log was not rewritten whole.

    Raises:
        OSError: the file is missing, not a regular file, or cannot be read. A log that does not hold is a result.
    """
    if require_hmac and not hmac_secret:
        reason = "require_hmac needs the secret the log was tagged with, and none was given"
        return VerifyResult(False, 0, reason=reason, failure="usage")
    log = Path(path)
    walk = _Walk(hmac_secret, require_hmac)
    with _open_regular(log) as stream:
        problem = _walk_lines(stream, settled_size(stream.fileno()), walk)
    if problem is None and walk.number:
        problem = _check_pin(log, walk)
    elif problem is None:
        return _judge_empty(log)
    return VerifyResult(
        valid=problem is None,
        entries_count=walk.total,
        first_invalid_index=problem.line if problem else None,
        reason=problem.reason if problem else None,
        hmac_verified=None if not hmac_secret else problem is None and walk.tagged == walk.number,
        chain_head=walk.head if walk.head != GENESIS else None,
        failure="integrity" if problem else None,
    )


@dataclass(frozen=True)
class _Problem:
    line: int | None
    reason: str


class _Walk:
    """What is known after the lines so far."""

    def __init__(self, secret: str | None, require_hmac: bool) -> None:
        self.secret = secret
        self.require_hmac = require_hmac
        self.head = GENESIS
        self.number = 0
        self.total = 0
        self.tagged = 0
        self.first: tuple[str, object] = ("", None)
        self._run_id: object = None
        self._key = b""

    def step(self, line: bytes) -> str | None:
        """Take in the next line; return what is wrong with it."""
        try:
            entry = read_entry(line)
        except ValueError as error:
            return str(error)
        if entry.get("prev_hash") != self.head:
            return _say_broken(self.number)
        number = self.number + 1
        seq = entry.get("seq", number)
        if seq != number or type(seq) is not int:
            return f"numbered {str(seq)[:20]}: lines were removed, inserted or reordered"
        if self.secret and (problem := self._check_tag(line, entry)):
            return problem
        self.head = hashlib.sha256(line).hexdigest()
        self.number = number
        if number == 1:
            self.first = (self.head, entry.get("run_id"))
        return None

    def _check_tag(self, line: bytes, entry: dict[str, Any]) -> str | None:
        if "_hmac" not in entry:
            if self.require_hmac:
                return "carries no HMAC tag"
            return "carries no HMAC tag although earlier lines do" if self.tagged else None
        run_id = entry.get("run_id")
        if not isinstance(run_id, str):
            return "carries an HMAC tag and no run_id"
        if run_id != self._run_id:
            self._run_id, self._key = run_id, tag_key(self.secret or "", run_id)
        if not tag_matches(line.decode(), self._key):
            return "the HMAC tag does not match: another secret, or the line was changed"
        self.tagged += 1
        return None


def _walk_lines(stream: BinaryIO, size: int, walk: _Walk) -> _Problem | None:
    rest = b""
    problem: _Problem | None = None
    for block in _blocks(stream, size):
        walk.total += block.count(b"\n")
        if problem is not None:
            rest = block[-1:]
            continue
        *lines, rest = (rest + block).split(b"\n")
        problem = _walk_block(lines, walk)
        if problem is None and len(rest) > LONGEST_LINE:
            problem = _Problem(walk.number + 1, f"longer than {LONGEST_LINE >> 20} MiB")
    if problem is not None:
        walk.total += rest not in (b"", b"\n")
    elif rest:
        walk.total += 1
        problem = _Problem(
            walk.total,
            "incomplete, without its newline: a crash while it was written, or a cut; the next writer keeps its bytes"
            " beside the log and reports them",
        )
    return problem


def _walk_block(lines: list[bytes], walk: _Walk) -> _Problem | None:
    step = walk.step
    for line in lines:
        if (reason := step(line)) is not None:
            return _Problem(walk.number + 1, reason)
    return None


def _blocks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (block := stream.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _say_broken(before: int) -> str:
    if before == 0:
        return f'prev_hash is not "{GENESIS}": the log does not begin here'
    return f"prev_hash is not the hash of line {before}: one of the two was changed, or lines between them are missing"


def _check_pin(log: Path, walk: _Walk) -> _Problem | None:
    try:
        pin = read_pin(log)
    except ValueError as error:
        return _Problem(None, str(error))
    if pin is None or (pin.first_entry_sha256, pin.run_id) == walk.first:
        return None
    return _Problem(1, "not the first line that the log's manifest pins: the log was begun again or exchanged")


def _judge_empty(log: Path) -> VerifyResult:
    try:
        pinned = read_pin(log) is not None
    except ValueError:
        pinned = True
    if pinned:
        return VerifyResult(False, 0, reason="the log is empty and was not: its manifest exists", failure="integrity")
    return VerifyResult(False, 0, reason="the log is empty: nothing was ever written to it", failure="empty")


def _open_regular(path: Path) -> BinaryIO:
    """Opening a pipe would wait for a writer for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.open("rb")
