"""The form of an Annex IV file: its items and statuses, its hash, and how it points to places in other documents.

Nothing here needs more than Python: the verifier in a bundle is made of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from forgelm.base.files import sha256_bytes, to_json_safe

STATUSES = ("evidenced", "declared", "not_applicable", "missing")
_LETTERS = "abcdefgh"
KEYS = (*(f"1{letter}" for letter in _LETTERS), *(f"2{letter}" for letter in _LETTERS), *map(str, range(3, 10)))


def weakest(statuses: list[str]) -> str:
    """Return ``missing`` where one is, else ``declared`` where one is, else the rest."""
    order = ("missing", "declared", "evidenced", "not_applicable")
    return min(statuses, key=order.index)


def count(items: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how many items have each status."""
    found = Counter(str(item["status"]) for item in items.values())
    return {status: found[status] for status in STATUSES} | {"total": len(items)}


def manifest_hash(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the record without its own hash and signature: sorted keys, no spaces, ASCII."""
    covered = {key: value for key, value in record.items() if key != "metadata"}
    metadata = record.get("metadata")
    if isinstance(metadata, Mapping):
        rest = {k: v for k, v in metadata.items() if k not in ("manifest_hash", "manifest_signature")}
        covered |= {"metadata": rest} if rest else {}
    return sha256_bytes(json.dumps(to_json_safe(covered), sort_keys=True, separators=(",", ":")).encode("ascii"))


def resolve_pointer(document: Any, pointer: str) -> Any:
    """Return what stands at a JSON pointer (RFC 6901).

    Raises:
        LookupError: there is no such place.
    """
    if pointer and not pointer.startswith("/"):
        raise LookupError(pointer)
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not key.isascii() or not key.isdigit():
                raise LookupError(pointer)
            document = document[int(key)]
        elif isinstance(document, Mapping):
            document = document[key]
        else:
            raise LookupError(pointer)
    return document
