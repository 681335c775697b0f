"""Tells a random value from a word, a placeholder or a pattern."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    "example|sample|placeholder|change.?me|dummy|your|insert|replace|redacted|todo|fixme|xxxx|0{8}|1234567|abcdef|test|"
    "null|none|undefined|password|secret|process\\.env|os\\.environ|getenv|\\.\\.\\.|\\*\\*\\*",
    re.IGNORECASE,
)
_WORDS = re.compile("[A-Za-z]{0,24}(?:[-_./][A-Za-z]{1,24}){0,40}[-_./]?[0-9]{0,4}")
_HEX = re.compile("[0-9a-fA-F-]+")
_LONGEST_JUDGED = 1024
_LOWEST_HEX = 2.8
_LOWEST_OTHER = 3.4
# Sixteen random letters and digits have 3.7 bits on average, and one value in a hundred less than 3.4.
_LOWEST_SHORT, _SHORT = 3.2, 20
_TAIL, _FILLERS = 16, 2


def bits_per_character(value: str) -> float:
    """Return the Shannon entropy of the characters of ``value``, in bits."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


def looks_random(value: str) -> bool:
    """Whether ``value`` has the entropy of a key, a digit and a letter, and does not say that it is a stand-in."""
    return any(map(str.isdigit, value[:_LONGEST_JUDGED])) and is_varied(value) and not is_stand_in(value)


def is_varied(value: str) -> bool:
    """Whether ``value`` has the entropy of a key, and two of: digits, small letters, capitals."""
    head = value[:_LONGEST_JUDGED]
    if sum(any(map(test, head)) for test in (str.isdigit, str.islower, str.isupper)) < 2:
        return False
    if _HEX.fullmatch(head):
        return bits_per_character(head) >= _LOWEST_HEX
    return bits_per_character(head) >= (_LOWEST_SHORT if len(head) < _SHORT else _LOWEST_OTHER)


def is_no_filler(value: str) -> bool:
    """Whether ``value`` ends in more than a few characters again and again, as ``ghp_xxxxxxxx`` in examples does."""
    return len(set(value[-_TAIL:])) > _FILLERS


def is_stand_in(value: str) -> bool:
    """Whether ``value`` is a placeholder, or words and a number, as in configuration examples."""
    return bool(_PLACEHOLDER.search(value[:_LONGEST_JUDGED]) or _WORDS.fullmatch(value[:_LONGEST_JUDGED]))


def is_password(value: str) -> bool:
    """Whether the password of a URL is more than a stand-in such as ``[REDACTED]`` or ``<password>``."""
    if value[:1] + value[-1:] in ("[]", "<>", "{}") or (value.startswith("$") and value.endswith("}")):
        return False
    lowered = value.lower()
    return len(set(value)) > 2 and lowered not in {
        "password",
        "pass",
        "passwd",
        "pwd",
        "secret",
        "token",
        "user",
        "changeme",
    }


def is_unusual_password(value: str) -> bool:
    """Whether ``value`` is a password rather than the next word of a sentence."""
    return is_password(value) and not value.isalpha()


def is_jwt(value: str) -> bool:
    """Whether the first part decodes to a JSON object that names an algorithm."""
    header = value.partition(".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(decoded, dict) and ("alg" in decoded or "enc" in decoded)
