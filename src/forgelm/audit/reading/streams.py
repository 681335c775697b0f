"""Paths and addresses to streams of their content, unpacked."""

from __future__ import annotations

import io
import lzma
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra

COMPRESSIONS = MappingProxyType({".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".lz4": "lz4", ".xz": "xz"})


def open_path(path: Path, compression: str | None) -> Any:
    """Open a local file as a stream of its unpacked bytes."""
    return _unpack(path.open("rb"), compression)


def open_address(address: str, compression: str | None) -> Any:
    """Open an fsspec address as a stream of its unpacked bytes.

    Raises:
        DataError: it cannot be opened, or nothing on this machine knows its protocol.
    """
    system, path = open_system(address)
    try:
        return _unpack(system.open(path, "rb"), compression)
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: cannot be opened: {error or type(error).__name__}") from error


def open_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address and the path there.

    Raises:
        DataError: nothing on this machine knows the protocol, or it refuses.
    """
    fsspec = load_extra("fsspec", extra="audit")
    try:
        system, path = fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise DataError(f"{address}: {error}", hint="install the package this protocol needs") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: {error}") from error
    return system, str(path)


def _unpack(stream: Any, compression: str | None) -> Any:
    if compression is None:
        return stream
    if compression == "xz":
        return lzma.open(stream, "rb")
    arrow = load_extra("pyarrow", extra="audit")
    return _Unpacked(arrow.CompressedInputStream(stream, compression), stream)


class _Unpacked(io.RawIOBase):
    """Arrow's unpacking stream with the errors of an ordinary file."""

    def __init__(self, unpacked: Any, packed: Any) -> None:
        self._unpacked, self._packed = unpacked, packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._unpacked.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._packed.close()
        super().close()
