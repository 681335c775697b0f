"""Walks the lines of a log, or a range of them: every link, number and tag, and what lines say about those before them.

Ranges are walked apart, in any order and in other processes, and joined in the order of the log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from forgelm.base.events import Event
from forgelm.evidence.checkpoint import Checkpoint, log_origin, parse_checkpoint, read_record
from forgelm.evidence.keys import PublicKey
from forgelm.evidence.line import GENESIS, are_tagged, read_entry, tag_key, tag_matches
from forgelm.evidence.merkle import MerkleTree
from forgelm.evidence.note import check_note
from forgelm.evidence.quick import QuickReader

_CLAIMS = frozenset({Event.RUN_CLOSED, Event.LOG_CHECKPOINT})
_CLOCK_SLACK_SECONDS = 1.0
_MOST_RUNS = 1000
_MOST_STEPS = 100
_sha256 = hashlib.sha256


@dataclass(frozen=True)
class Rules:
    """What is asked of the lines. ``sizes``: the numbers of lines whose root is wanted; ``with_root``: that of all."""

    secret: str | None = None
    require_hmac: bool = False
    keys: tuple[PublicKey, ...] = ()
    sizes: frozenset[int] = frozenset()
    with_root: bool = True


@dataclass(frozen=True)
class Problem:
    """What is wrong, and with which line, from 1; ``None`` where it is not one line."""

    line: int | None
    reason: str


@dataclass(frozen=True)
class _Claim:
    """A line that says what the lines before it amount to, and what was found of them in its range."""

    line: int
    entry: dict[str, Any]
    size: int
    hashes: tuple[bytes, ...]


class LogWalk:
    """What is known after the lines so far, of which ``before`` came before this range.

    ``roots`` are those of ``Rules.sizes`` that were reached; ``clock_steps`` the first lines dated more than a second
    before the line above them; ``signed_size`` how many lines the newest signature of a trusted key covers;
    ``signer`` who the newest record says signed it, which is not checked without keys.
    """

    def __init__(self, rules: Rules, before: int = 0) -> None:
        self.rules = rules
        self.before = self.number = before
        self.head = GENESIS if before == 0 else ""
        self.problem: Problem | None = None
        self.needs_root = False
        self.first: tuple[str, object] = ("", None)
        self.tagged = 0
        self.tree = MerkleTree()
        self.roots: dict[int, str] = {}
        self.clock_steps: list[int] = []
        self.last_event: object = None
        self._last_run: object = None
        self.signed_size = 0
        self.signer: str | None = None
        self._runs: dict[str, bool] = {}
        self._first_prev: object = None
        self._first_untagged = 0
        self._stamps = ("", "")
        self._claims: list[_Claim] = []
        self._marks: dict[int, tuple[bytes, ...]] = {}
        self._run_id: object = None
        self._key = b""

    @property
    def open_runs(self) -> list[str]:
        """The runs that wrote lines and no closing record behind them, at most 1000."""
        return [run_id for run_id, is_open in self._runs.items() if is_open]

    def take(self, lines: Sequence[bytes], reader: QuickReader | None = None) -> None:
        """Take in the next lines, up to the first that does not hold; ``reader`` makes ordinary ones quick."""
        if reader and lines and self._take_at_once(lines, reader):
            return
        runs: set[str] = set()
        events: set[str] = set()
        for line in lines:
            if (reason := self._step(line)) is not None:
                self.problem = Problem(self.number + 1, reason)
                return
            if type(self._last_run) is str:
                runs.add(self._last_run)
            if type(self.last_event) is str:
                events.add(self.last_event)
        if reader:
            reader.expect({run for run in runs if self._runs.get(run)}, events - _CLAIMS)

    def join(self, other: LogWalk) -> bool:
        """Take in the range behind this one; return whether both hold, and hold together.

        Where they do not, only a walk of the whole says where.
        """
        if self.problem or other.problem or other.number == other.before or other._first_prev != self.head:
            return False
        if self.tagged and other._first_untagged:
            return False
        for claim in other._claims:
            if self._check_claim(claim.entry, self._joined(claim.size, claim.hashes)):
                return False
        for size, hashes in other._marks.items():
            self.roots[size] = self._joined(size - other.before, hashes).root().hex()
        self._note_time(other._stamps[0], other.before + 1)
        self.clock_steps += other.clock_steps
        self._stamps = (self._stamps[0], other._stamps[1])
        self.tree.join(other.tree)
        self.tagged += other.tagged
        self._note_runs(other._runs)
        self.number, self.head, self.last_event = other.number, other.head, other.last_event
        self._last_run = other._last_run
        return True

    def _take_at_once(self, lines: Sequence[bytes], reader: QuickReader) -> bool:
        """Take in ``lines`` when all of them hold and none needs a closer look; else leave them all.

        They are of runs known to be open, and no record: who wrote them is nothing new.
        """
        end = self.number + len(lines)
        if not self.head or any(self.number < size <= end for size in self.rules.sizes):
            return False
        links = reader.read(lines)
        if links is None:
            return False
        heads = [_sha256(line).hexdigest() for line in lines]
        if self.head != links.previous[0] or links.previous[1:] != heads[:-1]:
            return False
        if links.numbers is not None and links.numbers != list(range(self.number + 1, end + 1)):
            return False
        if links.stamps[0] < self._stamps[1] or links.stamps != sorted(links.stamps):
            return False
        if self.rules.secret:
            if len(reader.runs) > 1 or not are_tagged(lines, tag_key(self.rules.secret, links.first_run)):
                return False
            self.tagged += len(lines)
        if self.rules.with_root:
            self.tree.extend([_sha256(b"\0" + line).digest() for line in lines])
        self._stamps = (self._stamps[0] or links.stamps[0], links.stamps[-1])
        self.number, self.head, self.last_event = end, heads[-1], links.last_event
        return True

    def _step(self, line: bytes) -> str | None:
        try:
            entry = read_entry(line)
        except ValueError as error:
            return str(error)
        number = self.number + 1
        previous = entry.get("prev_hash")
        if self.head != previous:
            if self.head:
                return say_broken(self.number)
            self._first_prev = previous
        seq = entry.get("seq", number)
        if seq != number or type(seq) is not int:
            return f"numbered {str(seq)[:20]}: lines were removed, inserted or reordered"
        if self.rules.secret and (problem := self._check_tag(line, entry)):
            return problem
        event = entry.get("event")
        if isinstance(event, str) and event in _CLAIMS and (problem := self._take_claim(entry)):
            return problem
        self._take_in(line, entry, event)
        return None

    def _take_in(self, line: bytes, entry: dict[str, Any], event: object) -> None:
        self.head = _sha256(line).hexdigest()
        if self.number == 0:
            self.first = (self.head, entry.get("run_id"))
        self.number += 1
        self.last_event = event
        if self.rules.with_root:
            self.tree.append(_sha256(b"\0" + line).digest())
        if self.number in self.rules.sizes:
            self._mark()
        run_id = self._last_run = entry.get("run_id")
        if type(run_id) is str:
            self._note_runs({run_id: event != Event.RUN_CLOSED})
        stamp = entry.get("timestamp")
        if type(stamp) is str:
            self._note_time(stamp, self.number)

    def _check_tag(self, line: bytes, entry: dict[str, Any]) -> str | None:
        if "_hmac" not in entry:
            self._first_untagged = self._first_untagged or self.number + 1
            return say_untagged(self.rules.require_hmac) if self.rules.require_hmac or self.tagged else None
        run_id = entry.get("run_id")
        if not isinstance(run_id, str):
            return "carries an HMAC tag and no run_id"
        if run_id != self._run_id:
            self._run_id, self._key = run_id, tag_key(self.rules.secret or "", run_id)
        if not tag_matches(line.decode(), self._key):
            return "the HMAC tag does not match: another secret, or the line was changed"
        self.tagged += 1
        return None

    def _take_claim(self, entry: dict[str, Any]) -> str | None:
        if not self.rules.with_root:
            self.needs_root = True
            return "cannot be judged without the root of the lines before it"
        if self.before:
            self._claims.append(_Claim(self.number + 1, entry, self.tree.size, self.tree.hashes))
            return None
        return self._check_claim(entry, self.tree)

    def _check_claim(self, entry: dict[str, Any], tree: MerkleTree) -> str | None:
        """Compare the count and root that a record names with ``tree``, which holds the lines before it."""
        claimed = read_record({"size": entry.get("count"), "root": entry.get("root")})
        if claimed is None:
            return f"is a {entry['event']} without the count and root of the lines before it"
        if claimed.size != tree.size:
            return f"says {claimed.size} lines come before it, and {tree.size} do: lines were removed or inserted"
        if claimed.root != tree.root().hex():
            return "its root is not that of the lines before it: they were changed"
        signer = entry.get("signed_by")
        self.signer = signer if isinstance(signer, str) else None
        return self._check_signature(entry.get("note"), claimed) if self.rules.keys else None

    def _check_signature(self, note: object, claimed: Checkpoint) -> str | None:
        """As with tags: signatures of a trusted key may begin later than the log, and not end."""
        signed: tuple[PublicKey, ...] = ()
        if isinstance(note, str):
            try:
                origin, checkpoint, parsed = parse_checkpoint(note)
                signed = check_note(parsed, self.rules.keys)
            except ValueError as error:
                return f"its note does not hold: {error}"
            if checkpoint != claimed or origin != log_origin(self.first[0]):
                return "its note is about other lines"
        if signed:
            self.signed_size = claimed.size
        elif self.signed_size:
            return "is not signed by a trusted key, and an earlier record is"
        return None

    def _mark(self) -> None:
        if self.before:
            self._marks[self.number] = self.tree.hashes
        else:
            self.roots[self.number] = self.tree.root().hex()

    def _note_runs(self, runs: dict[str, bool]) -> None:
        for run_id, is_open in runs.items():
            if not is_open and not self.before:
                self._runs.pop(run_id, None)
            elif run_id in self._runs or len(self._runs) < _MOST_RUNS:
                self._runs[run_id] = is_open

    def _note_time(self, stamp: str, line: int) -> None:
        last = self._stamps[1]
        if stamp < last and _is_earlier(stamp, last) and len(self.clock_steps) < _MOST_STEPS:
            self.clock_steps.append(line)
        self._stamps = (self._stamps[0] or stamp, stamp)

    def _joined(self, size: int, hashes: tuple[bytes, ...]) -> MerkleTree:
        whole = MerkleTree(self.tree.size, self.tree.hashes)
        whole.join(MerkleTree(size, hashes))
        return whole


def mentions_record(text: bytes) -> bool:
    """Return whether a line in ``text`` may be a record of what the lines before it amount to."""
    return any(event.encode() in text for event in _CLAIMS)


def say_broken(before: int) -> str:
    if before == 0:
        return f'prev_hash is not "{GENESIS}": the log does not begin here'
    return f"prev_hash is not the hash of line {before}: one of the two was changed, or lines between them are missing"


def say_untagged(required: bool) -> str:
    return "carries no HMAC tag" if required else "carries no HMAC tag although earlier lines do"


def _is_earlier(stamp: str, last: str) -> bool:
    try:
        return (datetime.fromisoformat(last) - datetime.fromisoformat(stamp)).total_seconds() > _CLOCK_SLACK_SECONDS
    except (ValueError, TypeError):
        return False
