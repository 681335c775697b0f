"""Signed notes (https://c2sp.org/signed-note): a text and the signatures of keys under it, as one readable text.

A note without a signature is kept in the same form: its text and an empty line.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from forgelm.evidence.keys import PublicKey, SigningKey, is_key_name

_LONGEST = 1 << 20
_MOST_SIGNATURES = 100


@dataclass(frozen=True)
class NoteSignature:
    """One signature line: whose it says it is. Only ``check_note`` says whether that is so."""

    name: str
    key_id: bytes
    signature: bytes

    def is_by(self, key: PublicKey) -> bool:
        """Return whether the line names ``key``."""
        return (self.name, self.key_id) == (key.name, key.id)


@dataclass(frozen=True)
class Note:
    """A text, its final newline included, and the signature lines under it."""

    text: str
    signatures: tuple[NoteSignature, ...]


def sign_note(text: str, keys: Iterable[SigningKey]) -> str:
    """Return the note of ``text``, which ends with a newline, signed by each of ``keys``.

    Raises:
        ValueError: ``text`` does not end with a newline, or holds other control characters.
    """
    _check_text(text)
    lines = []
    for key in keys:
        signed = key.public.id + key.sign(text.encode())
        lines.append(f"\u2014 {key.public.name} {base64.b64encode(signed).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def parse_note(note: str) -> Note:
    """Take a note apart.

    Raises:
        ValueError: it is not one; the message says why.
    """
    if len(note) > _LONGEST:
        raise ValueError("longer than 1 MiB")
    text, separator, lines = note.rpartition("\n\n")
    text += "\n"
    if not separator:
        raise ValueError("no empty line separates its text from its signatures")
    _check_text(text)
    if lines and not lines.endswith("\n"):
        raise ValueError("its last line is incomplete")
    rows = lines.split("\n")[:-1]
    if len(rows) > _MOST_SIGNATURES:
        raise ValueError(f"more than {_MOST_SIGNATURES} signatures")
    return Note(text, tuple(_parse_signature(line) for line in rows))


def check_note(note: Note, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """Return those of ``keys`` that signed the note.

    Raises:
        ValueError: a line names one of ``keys`` and does not hold.
    """
    found = []
    for key in keys:
        for line in note.signatures:
            if not line.is_by(key):
                continue
            if not key.verify(line.signature, note.text.encode()):
                raise ValueError(f"the signature of {key.name} does not hold")
            found.append(key)
            break
    return tuple(found)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or text == "\n":
        raise ValueError("the text is empty or does not end with a newline")
    if any(letter < " " and letter != "\n" for letter in text):
        raise ValueError("control characters in the text")


def _parse_signature(line: str) -> NoteSignature:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if dash != "\u2014" or not is_key_name(name) or len(data) <= 4:
        raise ValueError("a line under the text is no signature")
    return NoteSignature(name, data[:4], data[4:])
