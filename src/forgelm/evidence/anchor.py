"""Reads what was noted elsewhere about a log: a checkpoint note, or ``{size, root}`` in whatever left the machine."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.evidence.checkpoint import Checkpoint, parse_checkpoint, read_record

RECORD_KEY = "audit_log"
_IN_TEXT = re.compile(r"\b(\d{1,18}) lines, root `?([0-9a-f]{64})\b")
# Two entries of a GGUF file's metadata as they are laid out: the key, the kind of its value (4 and 10 are unsigned
# numbers of 32 and 64 bits, 8 is text behind its length), the value.
_GGUF = b"GGUF"
_GGUF_SIZE = re.compile(rb"forgelm\.audit_log\.size(?:\x04\0\0\0(.{4})|\x0a\0\0\0(.{8}))", re.DOTALL)
_GGUF_ROOT = re.compile(rb"forgelm\.audit_log\.root\x08\0\0\0\x40\0{7}([0-9a-f]{64})")
_LONGEST = 64 << 20
_DEEPEST = 40


@dataclass(frozen=True)
class Anchor:
    """A checkpoint, and where it was read. ``origin`` names the log, where the source does."""

    source: str
    checkpoint: Checkpoint
    origin: str | None = None


def describe_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the words that a document for people carries, and that ``read_anchors`` finds there again."""
    return f"{checkpoint.size} lines, root `{checkpoint.root}`"


def read_anchors(path: str) -> tuple[Anchor, ...]:
    """Return every checkpoint in the file ``path``: a note, a JSON document, a text such as the model card, or GGUF.

    In JSON it is an object ``{"size", "root"}`` under the key ``audit_log`` at any depth, also inside the payload of a
    signed statement.

    Raises:
        ConfigError: the file cannot be read, or there is none in it.
    """
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(_LONGEST)
        text = "" if data.startswith(_GGUF) else data.decode()
    except UnicodeDecodeError:
        raise _useless(path) from None
    except OSError as error:
        raise ConfigError(f"cannot read the anchor {path}: {error.strerror}") from None
    try:
        origin, checkpoint, _ = parse_checkpoint(text)
        return (Anchor(path, checkpoint, origin),)
    except ValueError:
        found = tuple(dict.fromkeys(_search_gguf(data) if not text else _search(text)))
    if not found:
        raise _useless(path)
    return tuple(Anchor(path, checkpoint) for checkpoint in found)


def _search_gguf(data: bytes) -> Iterator[Checkpoint]:
    size, root = _GGUF_SIZE.search(data), _GGUF_ROOT.search(data)
    if size and root:
        yield Checkpoint(int.from_bytes(size[1] or size[2], "little"), root[1].decode())


def _search(text: str) -> Iterator[Checkpoint]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        for size, root in _IN_TEXT.findall(text):
            yield Checkpoint(int(size), root)
    else:
        yield from _search_json(document, _DEEPEST)


def _search_json(value: Any, depth: int) -> Iterator[Checkpoint]:
    if depth == 0:
        return
    if isinstance(value, list):
        for item in value:
            yield from _search_json(item, depth - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == RECORD_KEY and (found := read_record(item)):
                yield found
            elif key == "payload" and isinstance(item, str):
                yield from _search_json(_decode_payload(item), depth - 1)
            else:
                yield from _search_json(item, depth - 1)


def _decode_payload(text: str) -> Any:
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None


def _useless(path: str) -> ConfigError:
    return ConfigError(
        f"{path} says nothing about the size and root of an audit log",
        hint="give a checkpoint note, a model_integrity.json, a model card, or another document that carries them",
    )
