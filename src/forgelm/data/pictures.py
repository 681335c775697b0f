"""Cells of the image column to pictures: bytes that are there, small enough and of a known kind, by their digest."""

from __future__ import annotations

import base64
import binascii
import io
import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, NetworkError
from forgelm.base.extras import load_extra
from forgelm.base.files import sha256_bytes
from forgelm.base.network.client import HttpClient
from forgelm.config.multimodal import MultimodalConfig
from forgelm.data.picture import FORMATS, Picture, decoding_errors, first_line
from forgelm.data.problems import RowError, describe, quote

_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True)
class PictureReader:
    """Reads the cells of the image column. ``local`` is false for rows from the hub, which may not name files here."""

    section: MultimodalConfig
    offline: bool = False
    client: HttpClient = field(default_factory=lambda: HttpClient(largest_reply=_LARGEST_FILE))
    local: bool = True

    def read(self, cell: Any, folder: Path) -> tuple[Picture, ...]:
        """Return the pictures of one row; relative paths begin at ``folder``.

        Raises:
            RowError: there is none, or one is missing, broken, too large, or an address that may not be asked.
        """
        cells = cell if isinstance(cell, (list, tuple)) else [cell]
        if cell is None or not cells:
            raise RowError(f"'{self.section.image_column}' holds no image")
        pictures = tuple(self._read_one(item, folder) for item in cells)
        for picture in pictures:
            self._check(picture)
        return pictures

    def _read_one(self, cell: Any, folder: Path) -> Picture:
        if isinstance(cell, dict) and set(cell) <= {"bytes", "path"}:
            cell = cell["bytes"] if cell.get("bytes") is not None else cell.get("path")
        if isinstance(cell, (bytes, bytearray)):
            return _hold(bytes(cell))
        if not isinstance(cell, str) or not cell.strip():
            raise RowError(
                f"'{self.section.image_column}' must be a path, a data: URL or bytes, found "
                f"{describe(cell) if cell else 'nothing'}"
            )
        kind = cell[:10].lower()
        if kind.startswith("data:"):
            return _hold(_decode(cell))
        if kind.startswith(("http://", "https://")):
            return _hold(self._download(cell))
        return self._find(cell, folder)

    def _find(self, name: str, folder: Path) -> Picture:
        if not self.local:
            raise RowError(f"the image is the path {quote(name)}, and rows from the hub may not name files here")
        path = folder / os.path.expanduser(name.removeprefix("file://"))
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise RowError(f"the image {quote(str(path))} is larger than {_LARGEST_FILE // 2**20} MiB")
            return Picture(sha256_bytes(path.read_bytes()), path=path.resolve())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RowError(f"the image {quote(str(path))} cannot be read: {reason}") from None

    def _download(self, address: str) -> bytes:
        if not self.section.allow_image_urls:
            raise RowError(
                "the image is an address on the net, which may show another one tomorrow: download it and give the "
                "path, or set model.multimodal.allow_image_urls: true"
            )
        if self.offline:
            raise RowError("the image is an address on the net, and this run is offline")
        try:
            reply = self.client.request("GET", address)
        except (NetworkError, ConfigError) as error:
            raise RowError(f"the image cannot be downloaded: {error}") from None
        if not reply.ok:
            raise RowError(f"the image cannot be downloaded: {quote(address)} answers {reply.status}")
        return reply.body

    def _check(self, picture: Picture) -> None:
        """Look at the image's header, which tells its kind and size without decoding it."""
        image = load_extra("PIL.Image", extra="vision")
        source: Any = io.BytesIO(picture.data) if picture.data is not None else picture.path
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", image.DecompressionBombWarning)
            try:
                with image.open(source, formats=FORMATS) as found:
                    width, height = found.size
            except image.DecompressionBombError as error:
                raise RowError(f"the image is too large: {first_line(error)}") from None
            except decoding_errors() as error:
                raise RowError(f"the image is none that is read ({', '.join(FORMATS)}): {first_line(error)}") from None
        if width * height > self.section.max_image_pixels:
            raise RowError(
                f"the image has {width}x{height} pixels, more than model.multimodal.max_image_pixels "
                f"({self.section.max_image_pixels})"
            )


def _hold(data: bytes) -> Picture:
    if len(data) > _LARGEST_FILE:
        raise RowError(f"the image is larger than {_LARGEST_FILE // 2**20} MiB")
    return Picture(sha256_bytes(data), data=data)


def _decode(address: str) -> bytes:
    head, comma, body = address.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise RowError("the image is a data: URL that is not base64")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise RowError("the image is a data: URL whose base64 is broken") from None
