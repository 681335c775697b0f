"""Finds and masks credentials in a text."""

from __future__ import annotations

from forgelm.audit.findings import Finding, count_kinds
from forgelm.audit.matching.exact import find
from forgelm.audit.matching.mask import mask
from forgelm.audit.secrets.families import SECRET_FAMILIES


def find_secrets(text: str) -> list[Finding]:
    """Return the credentials of ``text`` in its order; findings do not overlap.

    Raises:
        TypeError: ``text`` is not a string.
    """
    return find(text, SECRET_FAMILIES)


def detect_secrets(text: str) -> dict[str, int]:
    """Return how often each family of credentials occurs in ``text``; families that do not occur are left out.

    Raises:
        TypeError: ``text`` is not a string.
    """
    return count_kinds(find_secrets(text))


def mask_secrets(text: str, replacement: str = "[REDACTED-SECRET]") -> str:
    """Return ``text`` with credentials replaced; touching findings get one replacement, all else stays as it was.

    Raises:
        TypeError: ``text`` or ``replacement`` is not a string.
    """
    return mask(text, replacement, find_secrets)[0]
