"""One line of the audit log: the JSON text of an entry, its hash for the next line, and its tag under a secret."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

GENESIS = "genesis"
LONGEST_LINE = 16 << 20
ENVELOPE = frozenset({"timestamp", "run_id", "operator", "event", "prev_hash", "seq", "_hmac"})

_TAG_OPEN = ', "_hmac": "'
_TAG_LENGTH = len(_TAG_OPEN) + 64 + len('"}')
_decode = json.JSONDecoder().raw_decode


def read_entry(line: bytes) -> dict[str, Any]:
    """Return the one JSON object on ``line``, which is without its newline.

    Raises:
        ValueError: there is something else, or something more, on it; the message says what it is.
    """
    try:
        text = line.decode()
        entry, end = _decode(text)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (ValueError, RecursionError):
        raise ValueError("not valid JSON" if line.strip() else "empty") from None
    if type(entry) is not dict or end != len(text):
        raise ValueError("not one JSON object")
    return entry


def line_hash(line: bytes) -> str:
    """Return what the next line's ``prev_hash`` must be; ``line`` is without its newline."""
    return hashlib.sha256(line).hexdigest()


def tag_key(secret: str, run_id: str) -> bytes:
    """Return the HMAC key for the lines of one run."""
    return hashlib.sha256(secret.encode() + run_id.encode()).digest()


def tag_line(text: str, key: bytes) -> str:
    """Return the JSON text of an entry with its tag as last key."""
    return f'{text[:-1]}{_TAG_OPEN}{_tag(text, key)}"}}'


def tag_matches(text: str, key: bytes) -> bool:
    """Return whether the entry ends with the tag of what stands before it."""
    untagged = f"{text[:-_TAG_LENGTH]}}}"
    return hmac.compare_digest(text[-_TAG_LENGTH:].encode(), f'{_TAG_OPEN}{_tag(untagged, key)}"}}'.encode())


def are_tagged(lines: Sequence[bytes], key: bytes) -> bool:
    """Return whether every line ends with its tag.

    Both halves of the HMAC (RFC 2104) go on from the same two states: a third of the time of a whole HMAC a line.
    """
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in key.ljust(64, b"\0"))).copy for pad in (0x36, 0x5C))
    tags = []
    for line in lines:
        inside, outside = inner(), outer()
        inside.update(line[:-_TAG_LENGTH] + b"}")
        outside.update(inside.digest())
        tags.append(f'{_TAG_OPEN}{outside.hexdigest()}"}}')
    return hmac.compare_digest(b"".join([line[-_TAG_LENGTH:] for line in lines]), "".join(tags).encode())


def _tag(text: str, key: bytes) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
