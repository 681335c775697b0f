"""The exact rule: every value of the given families in one text, checked, with overlaps settled.

A text of any length costs little beside itself: a long one is gone through piece by piece, nothing that was found is
kept, and each step is short enough for whoever wants to stop the search.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import NamedTuple, TypeAlias

from forgelm.audit.findings import Finding, Severity, Span, preview
from forgelm.audit.matching.family import DIGIT_GAP, LEAD, LEAD_TO_ANCHOR, LONGEST_UNLESS, Family, Group
from forgelm.audit.matching.fold import fold

_FEWEST_DIGITS = 7
# Possessive: the pattern would otherwise remember every digit of a long run to come back to.
_DIGIT_RUN = re.compile(f"[0-9](?:{DIGIT_GAP}{{0,2}}[0-9]){{{_FEWEST_DIGITS - 1},}}+")
_LAST_GROUP = re.compile("[ ./()\u00a0\u2009\u202f\u2010-\u2015\u2212-]{1,3}[0-9]{1,20}$")
_NOT_DIGIT = re.compile("[^0-9]+")
_BESIDE = 32  # windows as near as this are searched as one: less than asking for each on its own costs
_TAIL = 16  # what a pattern reads after the digits: a letter or two, and what must not follow
_FEW_RUNS = 8
_LONGEST_NUMBER = 64  # more digits than any family asks for
_PAST_ANCHOR = 640
_VISIBLE_OF_SECRET = 4
_PIECE = 1 << 20
_LONGEST_WORD = 256
_CELL_BITS = 6

Window: TypeAlias = tuple[int, int, int]


def find(text: str, families: Sequence[Family]) -> list[Finding]:
    """Return what ``families`` find in ``text``, in the order of the text.

    Where two families of a group claim the same characters, the longer claim wins, then the one whose context words
    stand before the value, then the one that comes first in ``families``. A weak family never wins over another.

    Raises:
        TypeError: ``text`` is not a string.
    """
    return [claim.describe(text) for claim in find_claims(text, families)]


class Claim(NamedTuple):
    """A value that the family number ``rank`` claims. It keeps nothing of the text."""

    family: Family
    rank: int
    span: Span
    has_context: bool

    @property
    def kind(self) -> str:
        return self.family.kind

    @property
    def severity(self) -> Severity:
        return self.family.severity

    def describe(self, text: str) -> Finding:
        """Return what is reported of the claim, which was found in ``text``."""
        value = text[slice(*self.span)]
        is_long_secret = self.family.group == "secret" and len(value) > 4 * _VISIBLE_OF_SECRET
        outline = preview(value, visible=_VISIBLE_OF_SECRET if is_long_secret else 0)
        return Finding(self.family.kind, self.span, outline, self.family.severity)


def find_claims(text: str, families: Sequence[Family], *, piece: int = _PIECE) -> Iterator[Claim]:
    """Yield what ``find`` returns, as it is found; longer texts are gone through ``piece`` by ``piece``.

    Raises:
        TypeError: ``text`` is not a string.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a string to search, got {type(text).__name__}")
    seen = _Text(text, piece)
    claimed = [_claims_of(family, rank, seen) for rank, family in enumerate(families) if seen.may_hold(family)]
    if seen.is_long:
        return _settle(merge(*claimed, key=_place), max(piece >> 9, 2))
    return _settle(sorted((claim for claims in claimed for claim in claims), key=_place), len(text))


class _Text:
    """A text with what the cheap tests need, computed once."""

    def __init__(self, text: str, piece: int) -> None:
        self.folded = fold(text)
        self.piece, self.is_long = piece, len(text) > piece
        self._lowered = "" if self.is_long else self.folded.lower()
        self._runs: list[Window] | _ManyRuns | None = None
        self._most_digits = 0
        self._is_crowded = False
        self._at_digits: dict[int, list[Window]] = {}

    def may_hold(self, family: Family) -> bool:
        if family.digits:
            if self._runs is None:
                self._find_runs()
            if family.digits > self._most_digits:
                return False
        if family.keywords and not self._has(family.keywords):
            return False
        if not family.needs_context or (family.digits and not self._is_crowded):
            return True
        return self._has(family.context_keywords)

    def windows(self, family: Family) -> Iterable[Window]:
        """Return where a value may begin (first, end) and how far the text is worth reading."""
        if family.anchor:
            return self._around(family.anchor)
        if family.near:
            return self._near(family)
        if not family.digits:
            return ((0, len(self.folded), len(self.folded)),)
        if family.needs_context and self._is_crowded:
            return self._after_words(family)
        if self.is_long:
            return self._find_at_digits(family.digits)
        known = self._at_digits.get(family.digits)
        if known is None:
            known = self._at_digits[family.digits] = list(self._find_at_digits(family.digits))
        return known

    def _find_at_digits(self, fewest: int) -> Iterator[Window]:
        before, first, last = 0, 0, -1
        for start, end, digits in self._runs or ():
            if digits >= fewest:
                begin = max(before, start - LEAD)
                if last < 0 or begin > last + _BESIDE:
                    if last >= 0:
                        yield first, last, last + _TAIL
                    first = begin
                last = end
            before = end
        if last >= 0:
            yield first, last, last + _TAIL

    def _after_words(self, family: Family) -> Iterator[Window]:
        before = 0
        for word in family.context_regex.finditer(self.folded):
            first, last = max(before, word.end()), word.start() + family.reach + 1
            if first < last:
                yield first, last, last + _LONGEST_NUMBER
                before = last

    def _near(self, family: Family) -> Iterator[Window]:
        first = last = -1
        for match in family.near_regex.finditer(self.folded):
            at = match.start()
            # Windows that meet are one: what lies in several would be searched as often.
            if last >= 0 and at - LEAD > last + family.longest:
                yield first, last, last + family.longest
                last = -1
            first, last = max(0, at - LEAD) if last < 0 else first, at + 1
        if last >= 0:
            yield first, last, last + family.longest

    def _around(self, anchor: str) -> Iterator[Window]:
        before, at = 0, self.folded.find(anchor)
        while at >= 0:
            if at > before:
                yield max(before, at - LEAD_TO_ANCHOR), at, at + _PAST_ANCHOR
            before = at + 1
            at = self.folded.find(anchor, before)

    def _find_runs(self) -> None:
        """Find the runs of digits, and whether looking for words comes cheaper than looking before each number."""
        text = self.folded
        runs: list[Window] | _ManyRuns = _ManyRuns() if self.is_long else []
        for match in _DIGIT_RUN.finditer(text):
            start, end = match.span()
            digits = len(_NOT_DIGIT.sub("", text[start : min(end, start + _LONGEST_NUMBER)]))
            runs.append((start, end, digits))
            self._most_digits = max(self._most_digits, digits)
            self._is_crowded |= end - start > _LONGEST_NUMBER
        self._runs = runs
        self._is_crowded |= len(runs) > _FEW_RUNS

    def _has(self, words: Iterable[str]) -> bool:
        lowered = self._lowered
        if self.is_long:
            return any(word in part for part in self._lower_parts() for word in words)
        for word in words:  # noqa: SIM110 (a generator would cost more than the search)
            if word in lowered:
                return True
        return False

    def _lower_parts(self) -> Iterator[str]:
        """Yield the text in small letters, in parts that overlap by more than a word."""
        for begin in range(0, len(self.folded), self.piece):
            yield self.folded[begin : begin + self.piece + _LONGEST_WORD].lower()


class _ManyRuns:
    """The runs of digits of a long text, in a tenth of the memory that a list of them takes."""

    def __init__(self) -> None:
        self._numbers = array("Q")

    def append(self, run: Window) -> None:
        self._numbers.extend(run)

    def __len__(self) -> int:
        return len(self._numbers) // 3

    def __iter__(self) -> Iterator[Window]:
        numbers = iter(self._numbers)
        return zip(numbers, numbers, numbers, strict=True)


def _claims_of(family: Family, rank: int, seen: _Text) -> Iterator[Claim]:
    """Yield what ``family`` alone would find, in the order of the text."""
    text, part, done = seen.folded, family.part, 0
    # The windows around an anchor are short, and end where it stands.
    can_part = bool(family.reads and not family.anchor)
    for first, last, stop in seen.windows(family):
        position = max(first, done)
        while position < last:
            near, end = last, stop
            if can_part and last - position > seen.piece:
                near = position + seen.piece
                end = min(stop, near + family.reads)
            match = _next(family, text, position, near, end)
            if not match or match.start() >= near:
                position = near
                continue
            span = _confirm(family, text, match.span(part))
            has_context = bool(span and family.context and _context_before(family, text, span[0]))
            if span and (has_context or not family.needs_context):
                yield Claim(family, rank, span, has_context)
                position = done = max(span[1], match.start() + 1)
            else:
                position = match.start() + 1 if family.retries else max(match.end(), match.start() + 1)


def _next(family: Family, text: str, position: int, last: int, stop: int) -> re.Match[str] | None:
    if not family.anchor:
        return family.regex.search(text, position, stop)
    while opening := family.opening_regex.search(text, position, last + 1):
        if match := family.regex.match(text, opening.start(), stop):
            return match
        position = opening.start() + 1
    return None


def _confirm(family: Family, text: str, span: Span) -> Span | None:
    """Return the span whose value passes the family's check: the whole, or what is left without its last groups."""
    start, end = span
    if family.unless and family.unless_regex.search(text, max(0, start - LONGEST_UNLESS), start):
        return None
    while family.check and not family.check(text[start:end]):
        shorter = _LAST_GROUP.sub("", text[start:end]) if family.trims else ""
        if not shorter or start + len(shorter) == end:
            return None
        end = start + len(shorter)
    return start, end


def _context_before(family: Family, text: str, start: int) -> bool:
    return family.context_regex.search(text, max(0, start - family.reach), start) is not None


def _settle(claims: Iterable[Claim], most: int) -> Iterator[Claim]:
    """Yield the claims that win, of claims in the order of the text: only those that meet compete.

    Where more than ``most`` meet, those that no later claim can bear on are settled at once.
    """
    meeting: list[Claim] = []
    won: list[Claim] = []
    end, limit = 0, most
    for claim in claims:
        begin = claim.span[0]
        if meeting and (begin >= end or len(meeting) >= limit):
            kept, meeting = _choose(meeting, begin)
            won = sorted((*won, *kept), key=_place)
            ready = bisect_left(won, min(map(_place, meeting)), key=_place) if meeting else len(won)
            yield from won[:ready]
            won, limit = won[ready:], max(most, 2 * len(meeting))
        meeting.append(claim)
        end = max(end, claim.span[1])
    yield from sorted((*won, *_choose(meeting, end)[0]), key=_place)


def _choose(claims: list[Claim], before: int) -> tuple[list[Claim], list[Claim]]:
    """Return the claims that win, and those that a claim yet to come, from ``before`` on, may still decide."""
    if len(claims) < 2 and all(claim.span[1] <= before for claim in claims):
        return claims, []
    taken: dict[tuple[Group, int], list[tuple[Span, bool]]] = {}
    kept: list[Claim] = []
    undecided: list[Claim] = []
    for claim in sorted(claims, key=_precedence):
        start, end = claim.span
        cells = [(claim.family.group, cell) for cell in range(start >> _CELL_BITS, ((end - 1) >> _CELL_BITS) + 1)]
        met = {has_won for cell in cells for span, has_won in taken.get(cell, ()) if start < span[1] and span[0] < end}
        if True in met:
            continue
        has_won = not met and end <= before
        (kept if has_won else undecided).append(claim)
        for cell in cells:
            taken.setdefault(cell, []).append((claim.span, has_won))
    return kept, undecided


def _place(claim: Claim) -> tuple[Span, int]:
    return claim.span, claim.rank


def _precedence(claim: Claim) -> tuple[bool, int, bool, int, Span]:
    start, end = claim.span
    return claim.family.weak, start - end, not claim.has_context, claim.rank, claim.span
