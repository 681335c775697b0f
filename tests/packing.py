"""Takes bundles apart and puts them together again, as somebody would who wants to change one."""

from __future__ import annotations

from pathlib import Path

from forgelm.base.files import sha256_bytes
from forgelm.evidence.bundle.archive import ArchiveWriter, open_archive
from forgelm.evidence.bundle.contents import LIST_FILE, LIST_SIGNATURE, parse_contents, render_contents
from forgelm.evidence.hashing import HashedFile


def unpack(bundle: Path) -> dict[str, bytes]:
    archive = open_archive(bundle)
    return {name: archive.read(name) for name in archive.members}


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with path.open("wb") as stream:
        writer = ArchiveWriter(stream)
        for name, data in members.items():
            writer.add(name, len(data), [data])
        writer.finish()
    return path


def restamp(members: dict[str, bytes]) -> dict[str, bytes]:
    """Write the bundle's own list anew, as whoever can change the bundle can."""
    contents = parse_contents(members[LIST_FILE])
    listed = [
        HashedFile(name, sha256_bytes(data), len(data))
        for name, data in members.items()
        if name not in (LIST_FILE, LIST_SIGNATURE)
    ]
    return {**members, LIST_FILE: render_contents(contents.run_id, "1.0", listed, contents.left_out)}


def flip(data: bytes) -> bytes:
    """Change one bit in the middle; of nothing, make something."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if data else b"x"
