"""Keeps what models said, by a digest of what they were asked, so that a run that was cut short pays nothing twice."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import StorageError
from forgelm.base.files import canonical_json, make_folder, sha256_bytes, storage_errors, write_whole


@dataclass(frozen=True)
class Said:
    """A model's reply in its own words, and the tokens it is billed for, ``None`` where it does not say.

    ``finish`` is why it ended, such as ``stop`` or ``length``; ``time`` is when, in UTC, where somebody noted it.
    """

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish: str | None = None
    time: str | None = None


class Cache:
    """Replies in a file of JSON lines: in the file before they count. A line that a kill cut short is skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._replies = _load(path)

    @staticmethod
    def key(judge: dict[str, Any], messages: list[dict[str, str]]) -> str:
        """Return what a question to a model is kept under."""
        return sha256_bytes(canonical_json({"judge": judge, "messages": messages}))

    def get(self, key: str) -> Said | None:
        return self._replies.get(key)

    def put(self, key: str, said: Said) -> None:
        """Keep a reply.

        Raises:
            StorageError: it cannot be written.
        """
        record = {"key": key, **asdict(said)}
        # ASCII, so that half a surrogate pair in a reply survives; a newline first ends a line a kill cut short.
        line = f"\n{json.dumps(record)}\n".encode()
        with self._lock, storage_errors(str(self._path)):
            make_folder(self._path.parent)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                write_whole(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
            self._replies[key] = said


def _load(path: Path) -> dict[str, Said]:
    replies: dict[str, Said] = {}
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return replies
    except OSError as error:
        raise StorageError(
            f"what was said before cannot be read: {path}: {error.strerror}",
            hint="remove what stands in its place; then everything is asked again",
        ) from error
    for line in lines:
        found = _parse(line)
        if found is not None:
            replies[found[0]] = found[1]
    return replies


def _parse(line: bytes) -> tuple[str, Said] | None:
    try:
        record = json.loads(line)
        key, text, *tokens = (record[name] for name in ("key", "text", "input_tokens", "output_tokens"))
        notes = [record.get(name) for name in ("finish", "time")]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(key, str) or not isinstance(text, str) or not all(n is None or type(n) is int for n in tokens):
        return None
    return (key, Said(text, *tokens, *notes)) if all(n is None or isinstance(n, str) for n in notes) else None
