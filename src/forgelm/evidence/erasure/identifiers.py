"""One identifier to a search for it in any spelling: case, spaces, separators, digits of any script, country code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from forgelm.audit.matching.fold import fold
from forgelm.audit.pii.find import find_pii
from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra

_MOST_BETWEEN = 3
_PHONE_TAIL = 7
_LONGEST_CODE = 3
_LONGEST_PREFIX = 8
_SEPARATORS = re.compile(r"[\W_]+")
_EMAIL_BEFORE, _EMAIL_AFTER = frozenset("._%+-"), frozenset("-")


class IdentifierType(StrEnum):
    """What kind of identifier is looked for; it decides which spellings are the same."""

    LITERAL = "literal"
    EMAIL = "email"
    PHONE = "phone"
    TR_ID = "tr_id"
    US_SSN = "us_ssn"
    IBAN = "iban"
    CREDIT_CARD = "credit_card"
    CUSTOM = "custom"


@dataclass(frozen=True)
class Hit:
    """Where an identifier was found, in characters of ``text``, which is the normalised text."""

    text: str
    start: int
    end: int


Search = Callable[[str], Hit | None]


def build_search(query: str, kind: IdentifierType) -> Search:
    """Return a function that looks for ``query`` in one text, in time linear in the text.

    A custom query is a regular expression in RE2's syntax, which has no back-references and no look-around.

    Raises:
        ConfigError: the query is empty, is no such identifier, or no such expression.
        OptionalDependencyError: a custom query needs the extra ``audit``.
    """
    if not query.strip():
        raise ConfigError("the query is empty", hint="--query VALUE")
    if kind is IdentifierType.CUSTOM:
        return _expression(query)
    if kind is IdentifierType.LITERAL:
        wanted = normalise(query)
        return lambda text: _find_text(normalise(text), wanted)
    if kind is IdentifierType.EMAIL:
        return _email(query)
    compact = _compact(normalise(query))[0]
    if len(compact) < _MOST_BETWEEN:
        raise ConfigError(f"{query!r} is no {kind}: it has hardly a letter or digit")
    return _phone(compact) if kind is IdentifierType.PHONE else lambda text: _find_compact(normalise(text), compact)


def normalise(text: str) -> str:
    """Return ``text`` as it is compared: compatibility forms and digits of every script, lower case, single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(fold(unicodedata.normalize("NFKC", text)).casefold().split())


def _find_text(text: str, wanted: str) -> Hit | None:
    at = text.find(wanted)
    return Hit(text, at, at + len(wanted)) if at >= 0 else None


def _email(query: str) -> Search:
    wanted = normalise(query)
    if "@" not in wanted:
        raise ConfigError(f"{query!r} is no e-mail address", hint="--type literal looks for any text")

    def search(text: str) -> Hit | None:
        text = normalise(text)
        if wanted not in text:
            return None
        for finding in find_pii(text):
            if finding.kind == "email" and text[slice(*finding.span)] == wanted:
                return Hit(text, *finding.span)
        # What the finder takes for no address may still be this one: an unusual domain, a stray character before it.
        at = text.find(wanted)
        while at >= 0:
            end = at + len(wanted)
            if not _continues(text[at - 1 : at], _EMAIL_BEFORE) and not _continues(text[end : end + 1], _EMAIL_AFTER):
                return Hit(text, at, end)
            at = text.find(wanted, at + 1)
        return None

    return search


def _continues(char: str, more: frozenset[str]) -> bool:
    return bool(char) and (char.isalnum() or char in more)


def _find_compact(text: str, wanted: str) -> Hit | None:
    """Find letters and digits in order, with at most a few separators between one and the next, as a whole."""
    if wanted not in _SEPARATORS.sub("", text):
        return None
    compact, places = _compact(text)
    at = compact.find(wanted)
    while at >= 0:
        start, end = places[at], places[at + len(wanted) - 1] + 1
        if _is_tight(places, at, len(wanted)) and _is_whole(text, start, end):
            return Hit(text, start, end)
        at = compact.find(wanted, at + 1)
    return None


def _phone(digits: str) -> Search:
    """The last digits must be the same; before them a country code or a trunk zero may be there or not."""
    digits = "".join(char for char in digits if char.isdigit()).lstrip("0")
    if len(digits) < _PHONE_TAIL:
        raise ConfigError(f"a telephone number needs at least {_PHONE_TAIL} digits")
    tail = digits[-_PHONE_TAIL:]

    def search(text: str) -> Hit | None:
        text = normalise(text)
        if tail not in _SEPARATORS.sub("", text):
            return None
        compact, places = _compact(text)
        at = compact.find(tail)
        while at >= 0:
            end = places[at + len(tail) - 1] + 1
            first = _extend(compact, places, at, digits)
            if first is not None and not text[end : end + 1].isalnum() and _starts(text, places[first]):
                return Hit(text, places[first], end)
            at = compact.find(tail, at + 1)
        return None

    return search


def _extend(compact: str, places: list[int], at: int, digits: str) -> int | None:
    """Return where the number that ends in its tail at ``at`` begins, ``None`` when it is another number."""
    if not _is_tight(places, at, _PHONE_TAIL):
        return None
    left = len(digits) - _PHONE_TAIL
    while left and at and compact[at - 1] == digits[left - 1] and places[at] - places[at - 1] <= _MOST_BETWEEN + 1:
        at, left = at - 1, left - 1
    return at if left <= _LONGEST_CODE else None


def _starts(text: str, start: int) -> bool:
    """Return whether a number may begin at ``start``: only a trunk zero is attached, or ``+`` and a country code."""
    before = text[max(0, start - _LONGEST_PREFIX) : start]
    attached = len(before) - len(before.rstrip("0123456789"))
    code = before[len(before) - attached :]
    if before[: len(before) - attached][-1:].isalpha():
        return False
    if not code or code in ("0", "00"):
        return True
    if code.startswith("00"):
        return attached <= _LONGEST_CODE + 2
    return attached <= _LONGEST_CODE and before[: len(before) - attached].endswith("+")


def _compact(text: str) -> tuple[str, list[int]]:
    """Return the letters and digits of ``text`` and where each stands in it."""
    places = [place for place, char in enumerate(text) if char.isalnum()]
    return "".join(text[place] for place in places), places


def _is_tight(places: list[int], at: int, length: int) -> bool:
    part = places[at : at + length]
    return all(two - one <= _MOST_BETWEEN + 1 for one, two in pairwise(part))


def _is_whole(text: str, start: int, end: int) -> bool:
    return not text[max(0, start - 1) : start].isalnum() and not text[end : end + 1].isalnum()


def _expression(query: str) -> Search:
    pa = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")

    def search(text: str) -> Hit | None:
        text = " ".join(unicodedata.normalize("NFKC", text).split())
        at = compute.find_substring_regex(pa.scalar(text), pattern=query).as_py()
        if at is None or at < 0:
            return None
        start = len(text.encode("utf-8", "surrogatepass")[:at].decode("utf-8", "ignore"))
        return Hit(text, start, start)

    try:
        search("")
    except (ValueError, pa.ArrowException) as error:
        raise ConfigError(
            f"the regular expression cannot be used: {error}",
            hint="it is matched in linear time by RE2, which has no back-references and no look-around",
        ) from None
    return search
