"""The exact rule: every value of the given families in one text, checked, with overlaps settled."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from forgelm.audit.findings import Finding, Span, preview
from forgelm.audit.matching.family import DIGIT_GAP, LEAD, LEAD_TO_ANCHOR, LONGEST_UNLESS, Family
from forgelm.audit.matching.fold import fold

_FEWEST_DIGITS = 7
_DIGIT_RUN = re.compile(f"[0-9](?:{DIGIT_GAP}{{0,2}}[0-9]){{{_FEWEST_DIGITS - 1},}}")
_LAST_GROUP = re.compile("[ ./()\u00a0\u2009\u202f\u2010-\u2015\u2212-]{1,3}[0-9]{1,20}$")
_NOT_DIGIT = re.compile("[^0-9]+")
_TAIL = 16  # what a pattern reads after the digits: a letter or two, and what must not follow
_FEW_RUNS = 8
_LONGEST_NUMBER = 64
_PAST_ANCHOR = 640
_VISIBLE_OF_SECRET = 4

Window: TypeAlias = tuple[int, int, int]


def find(text: str, families: Sequence[Family]) -> list[Finding]:
    """Return what ``families`` find in ``text``, in the order of the text.

    Where two families of a group claim the same characters, the longer claim wins, then the one whose context words
    stand before the value, then the one that comes first in ``families``. A weak family never wins over another.

    Raises:
        TypeError: ``text`` is not a string.
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a string to search, got {type(text).__name__}")
    seen = _Text(text)
    claims: list[_Claim] = []
    for rank, family in enumerate(families):
        if seen.may_hold(family):
            _add_claims(claims, family, rank, seen)
    return [_finding(claim, text) for claim in _settle(claims)] if claims else []


class _Claim(NamedTuple):
    family: Family
    rank: int
    span: Span
    has_context: bool


class _Text:
    """A text with what the cheap tests need, computed once."""

    def __init__(self, text: str) -> None:
        self.folded = fold(text)
        self._lowered = self.folded.lower()
        self._runs: list[Window] | None = None
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
        known = self._at_digits.get(family.digits)
        if known is None:
            known = self._at_digits[family.digits] = self._find_at_digits(family.digits)
        return known

    def _find_at_digits(self, fewest: int) -> list[Window]:
        found, before = [], 0
        for start, end, digits in self._runs or ():
            if digits >= fewest:
                found.append((max(before, start - LEAD), end, end + _TAIL))
            before = end
        return found

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
        runs = [
            (match.start(), match.end(), len(_NOT_DIGIT.sub("", match[0])))
            for match in _DIGIT_RUN.finditer(self.folded)
        ]
        self._runs = runs
        if runs:
            self._most_digits = max(digits for _, _, digits in runs)
            self._is_crowded = len(runs) > _FEW_RUNS or any(end - start > _LONGEST_NUMBER for start, end, _ in runs)

    def _has(self, words: Iterable[str]) -> bool:
        lowered = self._lowered
        for word in words:  # noqa: SIM110 (a generator would cost more than the search)
            if word in lowered:
                return True
        return False


def _add_claims(claims: list[_Claim], family: Family, rank: int, seen: _Text) -> None:
    text, part, done = seen.folded, family.part, 0
    for first, last, stop in seen.windows(family):
        position = max(first, done)
        while (match := _next(family, text, position, last, stop)) and match.start() < last:
            span = _confirm(family, text, match.span(part))
            has_context = bool(span and family.context and _context_before(family, text, span[0]))
            if span and (has_context or not family.needs_context):
                claims.append(_Claim(family, rank, span, has_context))
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


def _settle(claims: list[_Claim]) -> list[_Claim]:
    kept: dict[str, list[_Claim]] = {}
    for claim in sorted(claims, key=_precedence):
        group = kept.setdefault(claim.family.group, [])
        at = bisect_left(group, claim.span, key=lambda other: other.span)
        before_ends = at == 0 or group[at - 1].span[1] <= claim.span[0]
        if before_ends and (at == len(group) or claim.span[1] <= group[at].span[0]):
            group.insert(at, claim)
    return sorted((claim for group in kept.values() for claim in group), key=lambda claim: (claim.span, claim.rank))


def _precedence(claim: _Claim) -> tuple[bool, int, bool, int, Span]:
    start, end = claim.span
    return claim.family.weak, start - end, not claim.has_context, claim.rank, claim.span


def _finding(claim: _Claim, text: str) -> Finding:
    value = text[slice(*claim.span)]
    visible = _VISIBLE_OF_SECRET if claim.family.group == "secret" and len(value) > 4 * _VISIBLE_OF_SECRET else 0
    return Finding(claim.family.kind, claim.span, preview(value, visible=visible), claim.family.severity)
