"""What a text holds, found slowly and without any shortcut: what ``find`` and every engine must equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from forgelm.audit.matching.family import LONGEST_UNLESS, Family

Found = tuple[str, tuple[int, int], str]


def find_slowly(text: str, families: Sequence[Family]) -> list[Found]:
    """Return (kind, span, severity) of every finding: every family is tried at every place."""
    read = "".join(map(_as_ascii, text))
    claims = [claim for rank, family in enumerate(families) for claim in _claims(family, rank, read)]
    # The strongest claim of a group first; what overlaps one already kept is not kept.
    claims.sort(key=lambda claim: (claim[1].weak, claim[2][0] - claim[2][1], not claim[3], claim[0], claim[2]))
    kept: list[tuple[int, Family, tuple[int, int], bool]] = []
    for claim in claims:
        if not any(claim[1].group == other[1].group and _overlap(claim[2], other[2]) for other in kept):
            kept.append(claim)
    kept.sort(key=lambda claim: (claim[2], claim[0]))
    return [(family.kind, span, family.severity) for _, family, span, _ in kept]


def _as_ascii(char: str) -> str:
    """Digits of every script, and the full-width letters and marks of addresses, as ASCII."""
    if (digit := unicodedata.decimal(char, None)) is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", char)
    return plain if "\uff00" < char < "\uff5f" and re.fullmatch(r"[A-Za-z+.@_-]", plain) else char


def _claims(family: Family, rank: int, text: str) -> list[tuple[int, Family, tuple[int, int], bool]]:
    claims, place = [], 0
    while place <= len(text):
        match = family.regex.match(text, place)
        if match is None:
            place += 1
            continue
        span = _checked(family, text, match.span("value" if "value" in match.groupdict() else 0))
        named = bool(span and family.context and _named(family, text, span[0]))
        if span and (named or not family.needs_context):
            claims.append((rank, family, span, named))
            place = max(span[1], match.start() + 1)
        else:
            place = match.start() + 1 if family.retries else max(match.end(), match.start() + 1)
    return claims


def _checked(family: Family, text: str, span: tuple[int, int]) -> tuple[int, int] | None:
    start, end = span
    if family.unless and re.search(f"(?:{family.unless})$", text[max(0, start - LONGEST_UNLESS) : start]):
        return None
    while family.check and not family.check(text[start:end]):
        last = re.search("[^0-9A-Za-z+]{1,3}[0-9]{1,20}$", text[start:end]) if family.trims else None
        if last is None or last.start() == 0:
            return None
        end = start + last.start()
    return start, end


def _named(family: Family, text: str, start: int) -> bool:
    return family.context_regex.search(text, max(0, start - family.reach), start) is not None


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
