"""Finds and masks personal data in a text. Pure shapes, checks and context words: no model, no optional package."""

from __future__ import annotations

from typing import Literal, overload

from forgelm.audit.findings import Finding, count_kinds
from forgelm.audit.matching.exact import find
from forgelm.audit.matching.mask import mask
from forgelm.audit.pii.addresses import ADDRESS_FAMILIES
from forgelm.audit.pii.entities import EntityRecogniser
from forgelm.audit.pii.families import PII_FAMILIES


def find_pii(text: str, *, postal_address: bool = False, recogniser: EntityRecogniser | None = None) -> list[Finding]:
    """Return the personal data of ``text`` in its order; findings do not overlap.

    ``postal_address`` also looks for street addresses, ``recogniser`` for persons, organisations and places. Numbers
    are found in the digits of every script.

    Raises:
        TypeError: ``text`` is not a string.
    """
    found = find(text, PII_FAMILIES + ADDRESS_FAMILIES if postal_address else PII_FAMILIES)
    return recogniser.add_to(found, text) if recogniser else found


def detect_pii(text: str) -> dict[str, int]:
    """Return how often each kind of personal data occurs in ``text``; kinds that do not occur are left out.

    Raises:
        TypeError: ``text`` is not a string.
    """
    return count_kinds(find_pii(text))


@overload
def mask_pii(text: str, replacement: str = ..., *, return_counts: Literal[False] = ...) -> str: ...


@overload
def mask_pii(text: str, replacement: str = ..., *, return_counts: Literal[True]) -> tuple[str, dict[str, int]]: ...


@overload
def mask_pii(text: str, replacement: str = ..., *, return_counts: bool) -> str | tuple[str, dict[str, int]]: ...


def mask_pii(
    text: str, replacement: str = "[REDACTED]", *, return_counts: bool = False
) -> str | tuple[str, dict[str, int]]:
    """Return ``text`` with personal data replaced; touching findings get one replacement, all else stays as it was.

    With ``return_counts`` also return what ``detect_pii`` returns for ``text``.

    Raises:
        TypeError: ``text`` or ``replacement`` is not a string.
    """
    masked, findings = mask(text, replacement, find_pii)
    return (masked, count_kinds(findings)) if return_counts else masked
