"""One image of a row: where its bytes are, which bytes they must be, and the picture they hold."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.base.files import sha256_bytes

# Pillow knows formats that run other programs or are mostly bugs; photographs and drawings come in these.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


@dataclass(frozen=True)
class Picture:
    """One image of a row. It stands in a file, or its bytes are held; ``sha256`` is that of the bytes either way."""

    sha256: str
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)

    def open(self) -> Any:
        """Return the image as Pillow has it: RGB, turned as its EXIF data says, the first one of several frames.

        Raises:
            DataError: it cannot be decoded, or its file has changed since the rows were read.
        """
        data = self._read()
        if sha256_bytes(data) != self.sha256:
            raise DataError(f"the image {self.path} changed while it was in use")
        image = load_extra("PIL.Image", extra="vision")
        with warnings.catch_warnings():
            # Its size was looked at when the row was read.
            warnings.simplefilter("ignore", image.DecompressionBombWarning)
            try:
                found = image.open(io.BytesIO(data), formats=FORMATS)
                return load_extra("PIL.ImageOps", extra="vision").exif_transpose(found).convert("RGB")
            except decoding_errors() as error:
                raise DataError(f"the image cannot be decoded: {first_line(error)}") from error

    def _read(self) -> bytes:
        if self.data is not None:
            return self.data
        assert self.path is not None  # a picture stands in a file or is held
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise DataError(f"the image {self.path} cannot be read: {error.strerror or error}") from error


def decoding_errors() -> tuple[type[BaseException], ...]:
    """Everything Pillow raises for bytes that are no whole image."""
    image: Any = load_extra("PIL.Image", extra="vision")
    return (OSError, ValueError, SyntaxError, EOFError, IndexError, OverflowError, image.DecompressionBombError)


def first_line(error: BaseException) -> str:
    # Pillow names the object in memory, which says nothing to a person.
    text = str(error).partition(" <_io.")[0].strip()
    return text.splitlines()[0] if text else type(error).__name__
