"""Zip archives with exactly one form: what goes in decides every byte, and anything else is refused on reading.

Members are stored, not compressed: the bytes depend on no compressor's version, and nothing can unfold into more than
it is. Names, times, modes, order and directory are all determined, so a byte that differs anywhere is noticed.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from forgelm.base.errors import IntegrityError
from forgelm.evidence.hashing import HashedFile, usable_cores
from forgelm.evidence.inventory import is_plain_path

_BLOCK = 1 << 20
_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_END64, _LOCATOR64 = 0x06064B50, 0x07064B50
_UTF8 = 0x0800
_ENCRYPTED, _STREAMED = 0x0001, 0x0008
# 1 January 1980, the first day there is in a zip archive; a regular file that all may read.
_DATE, _MODE = 0x21, 0o100644 << 16
_UNIX = 3 << 8
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_LOCAL_SIZE = 30
_LONGEST_NAME = 1024
_MOST_MEMBERS = 200_000


@dataclass(frozen=True)
class Member:
    """One file of an archive: ``offset`` is where its header begins, ``start`` where its bytes do."""

    name: str
    size: int
    crc: int
    offset: int
    start: int


class ArchiveWriter:
    """Writes members one after the other into ``stream``, which must be able to seek; ``finish`` ends it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._members: list[Member] = []

    def add(self, name: str, size: int, blocks: Iterable[bytes]) -> HashedFile:
        """Write the ``size`` bytes of ``blocks`` as ``name`` and return their digest.

        Raises:
            IntegrityError: there are more or fewer bytes: the file changed meanwhile.
        """
        offset = self._stream.tell()
        header = _local_header(name, size, 0)
        self._stream.write(header)
        digest, crc, written = hashlib.sha256(), 0, 0
        for block in blocks:
            digest.update(block)
            crc = zlib.crc32(block, crc)
            written += len(block)
            self._stream.write(block)
        if written != size:
            raise IntegrityError(f"{name} changed while it was being bundled", hint="wait until nothing writes to it")
        end = self._stream.tell()
        self._stream.seek(offset)
        self._stream.write(_local_header(name, size, crc))
        self._stream.seek(end)
        self._members.append(Member(name, size, crc, offset, offset + len(header)))
        return HashedFile(name, digest.hexdigest(), size)

    def finish(self) -> None:
        """Write the directory at the archive's end."""
        self._stream.write(_directory(self._members, self._stream.tell()))


@dataclass(frozen=True)
class Archive:
    """An archive that was found to have the one form it may have."""

    path: Path
    members: dict[str, Member]

    def read(self, name: str) -> bytes:
        """Return the bytes of one member."""
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of one member.

        Raises:
            IntegrityError: the file became shorter meanwhile.
        """
        member = self.members[name]
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(member.start)
            left = member.size
            while left:
                block = stream.read(min(_BLOCK, left))
                if not block:
                    raise IntegrityError(f"{self.path} became shorter while it was read")
                left -= len(block)
                yield block

    def hash_all(self) -> dict[str, HashedFile]:
        """Return the digest of every member, made on every core.

        Raises:
            IntegrityError: a member's checksum is not the one in its header.
        """
        with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
            found = pool.map(self._hash, sorted(self.members.values(), key=lambda member: -member.size))
            return {item.file: item for item in found}

    def _hash(self, member: Member) -> HashedFile:
        digest, crc = hashlib.sha256(), 0
        for block in self.blocks(member.name):
            digest.update(block)
            crc = zlib.crc32(block, crc)
        if crc != member.crc:
            raise IntegrityError(f"{self.path}: the checksum of {member.name} does not match its bytes")
        return HashedFile(member.name, digest.hexdigest(), member.size)


def open_archive(path: Path) -> Archive:
    """Read the headers of the archive at ``path``.

    Raises:
        IntegrityError: it is no zip archive, or not of the one form; the message names the member and what is wrong.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        try:
            members = _read_members(stream, size)
        except ValueError as error:
            raise IntegrityError(f"{path} is not a bundle as 'forgelm bundle' writes it: {error}") from None
    return Archive(path, members)


def _read_members(stream: BinaryIO, size: int) -> dict[str, Member]:
    members: dict[str, Member] = {}
    files, folders = set[str](), set[str]()
    offset = 0
    while (header := _read_at(stream, offset, _LOCAL_SIZE))[:4] == struct.pack("<I", _LOCAL):
        member = _read_local(stream, offset, header, size)
        _check_name(member.name, files, folders)
        members[member.name] = member
        offset = member.start + member.size
        if len(members) > _MOST_MEMBERS:
            raise ValueError(f"more than {_MOST_MEMBERS} members")
    if not members:
        raise ValueError("it is no zip archive" if size else "it is empty")
    expected = _directory(list(members.values()), offset)
    found = _read_at(stream, offset, len(expected) + 1)
    if found != expected:
        raise ValueError(_explain_directory(members, found, expected))
    return members


def _read_local(stream: BinaryIO, offset: int, header: bytes, size: int) -> Member:
    if len(header) < _LOCAL_SIZE:
        raise ValueError("it is cut short")
    _, _, flags, method, _, _, crc, packed, length, name_size, extra_size = struct.unpack("<IHHHHHIIIHH", header)
    raw = _read_at(stream, offset + _LOCAL_SIZE, name_size)
    extra = _read_at(stream, offset + _LOCAL_SIZE + name_size, extra_size)
    shown = raw[:80].decode("utf-8", "backslashreplace")
    if flags & _ENCRYPTED:
        raise ValueError(f"{shown!r} is encrypted")
    if method != 0 or packed != length:
        raise ValueError(f"{shown!r} is compressed, and could unfold into anything")
    if flags & _STREAMED:
        raise ValueError(f"{shown!r} does not say how long it is")
    if length == _FULL32 and len(extra) == 20:
        length = int(struct.unpack("<HHQQ", extra)[2])
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"the name {shown!r} is not UTF-8") from None
    if len(raw) > _LONGEST_NAME or not is_plain_path(name):
        raise ValueError(f"the name {shown!r} leads out of the folder or is not plain")
    expected = _local_header(name, length, crc)
    if header + raw + extra != expected:
        raise ValueError(f"the header of {shown!r} is not as it is written")
    start = offset + len(expected)
    if start + length > size:
        raise ValueError(f"it is cut short in {shown!r}")
    return Member(name, length, crc, offset, start)


def _check_name(name: str, files: set[str], folders: set[str]) -> None:
    """Two names that are one on some file systems would let one file hide behind another."""
    key = name.casefold()
    parents = [key[:at] for at, letter in enumerate(key) if letter == "/"]
    if key in files or key in folders:
        raise ValueError(f"the name {name!r} stands in it twice, or twice but for its capitals")
    if any(parent in files for parent in parents):
        raise ValueError(f"the name {name!r} is below another file")
    files.add(key)
    folders.update(parents)


def _explain_directory(members: dict[str, Member], found: bytes, expected: bytes) -> str:
    if len(found) < len(expected) and expected.startswith(found):
        return "it is cut short in its directory"
    at = 0
    for member in members.values():
        record = _central_record(member)
        if found[at : at + len(record)] != record:
            return f"its directory describes {member.name!r} otherwise than its header, such as a link or another size"
        at += len(record)
    return "something follows its members that does not belong there"


def _read_at(stream: BinaryIO, offset: int, count: int) -> bytes:
    stream.seek(offset)
    return stream.read(count)


def _local_header(name: str, size: int, crc: int) -> bytes:
    raw = name.encode()
    large = size >= _FULL32
    extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
    length = _FULL32 if large else size
    version = 45 if large else 20
    sizes = (crc, length, length, len(raw), len(extra))
    return struct.pack("<IHHHHHIIIHH", _LOCAL, version, _UTF8, 0, 0, _DATE, *sizes) + raw + extra


def _central_record(member: Member) -> bytes:
    raw = member.name.encode()
    large, far = member.size >= _FULL32, member.offset >= _FULL32
    fields = [*([member.size, member.size] if large else []), *([member.offset] if far else [])]
    extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    version = 45 if fields else 20
    length = _FULL32 if large else member.size
    offset = _FULL32 if far else member.offset
    begin = (_CENTRAL, _UNIX | version, version, _UTF8, 0, 0, _DATE, member.crc, length, length)
    return struct.pack("<IHHHHHHIIIHHHHHII", *begin, len(raw), len(extra), 0, 0, 0, _MODE, offset) + raw + extra


def _directory(members: list[Member], offset: int) -> bytes:
    records = b"".join(_central_record(member) for member in members)
    count, size = len(members), len(records)
    end = b""
    if count >= _FULL16 or offset >= _FULL32:
        end = struct.pack("<IQHHIIQQQQ", _END64, 44, _UNIX | 45, 45, 0, 0, count, count, size, offset)
        end += struct.pack("<IIQI", _LOCATOR64, 0, offset + size, 1)
    entries = min(count, _FULL16)
    last = struct.pack("<IHHHHIIH", _END, 0, 0, entries, entries, size, min(offset, _FULL32), 0)
    return records + end + last
