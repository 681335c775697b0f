"""Opens the zip archive inside a DOCX or EPUB, bounded: no bomb, no path that leads out, no XML that grows."""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.data.documents.record import DocumentError

MAX_MEMBERS = 10_000
MAX_UNPACKED_BYTES = 256 * 2**20
# Text compresses to a tenth, monotonous XML to a hundredth; bombs to a thousandth.
MAX_RATIO = 300
_SMALL_BYTES = 2**20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Archive:
    """The archive's members by name, each read whole and bounded."""

    opened: zipfile.ZipFile
    names: frozenset[str]

    def read(self, name: str) -> bytes:
        """Return a member's bytes.

        Raises:
            DocumentError: there is no such member, or it is damaged or larger than it says.
        """
        if name not in self.names:
            raise DocumentError(f"lacks its part '{name}'")
        expected = self.opened.getinfo(name).file_size
        try:
            with self.opened.open(name) as stream:
                data = stream.read(expected + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise DocumentError(f"is damaged: its part '{name}' does not unpack ({error})") from error
        if len(data) != expected:
            raise DocumentError(f"is refused: its part '{name}' is not as long as it says")
        return data

    def read_xml(self, name: str) -> Any:
        """Return a member's XML as an element; one with a document type or entities of its own is refused."""
        parser = load_extra("defusedxml.ElementTree", extra="ingest")
        refused = load_extra("defusedxml", extra="ingest").DefusedXmlException
        data = self.read(name)
        try:
            return parser.fromstring(data, forbid_dtd=True)
        except refused as error:
            raise DocumentError(f"is refused: its part '{name}' declares entities or a document type") from error
        except (parser.ParseError, ValueError, LookupError) as error:
            raise DocumentError(f"is damaged: its part '{name}' is no XML ({error})") from error


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open the archive at ``path`` once everything that its directory says about it is acceptable.

    Raises:
        DocumentError: it is no zip archive, encrypted, too large unpacked, or has a member whose path leads out of it.
    """
    with path.open("rb") as stream:
        if stream.read(len(_OLE)) == _OLE:
            raise DocumentError("is encrypted, or in the old binary format", hint="save it unprotected in the new one")
    try:
        opened = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise DocumentError(f"is damaged: no zip archive ({error})") from error
    with opened:
        yield Archive(opened, _vet(opened.infolist()))


def _vet(members: list[zipfile.ZipInfo]) -> frozenset[str]:
    if len(members) > MAX_MEMBERS:
        raise DocumentError(f"is refused: {len(members)} parts are more than {MAX_MEMBERS}")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise DocumentError(f"is refused as a zip bomb: it unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB")
    for member in members:
        if member.file_size > max(_SMALL_BYTES, MAX_RATIO * member.compress_size):
            raise DocumentError(
                f"is refused as a zip bomb: '{member.filename}' unpacks to over {MAX_RATIO} times its size"
            )
        if member.flag_bits & 0x1:
            raise DocumentError("is encrypted", hint="save it without a password")
        if leads_out(member.filename):
            raise DocumentError(f"is refused: the path of its part '{member.filename}' leads out of it")
    names = frozenset(member.filename for member in members)
    if len(names) != len(members):
        raise DocumentError("is refused: two of its parts have one name")
    return names


def leads_out(name: str) -> bool:
    """Whether a path inside an archive is absolute or climbs above its root."""
    plain = name.replace("\\", "/")
    return plain.startswith("/") or ":" in plain.split("/")[0] or posixpath.normpath(plain).split("/")[0] == ".."
