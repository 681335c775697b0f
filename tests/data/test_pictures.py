"""Cells of the image column: every way to give an image, and every image that cannot be used with its reason."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, serving
from PIL import Image
from vision import picture

from forgelm.base.files import sha256_bytes
from forgelm.base.network.client import HttpClient
from forgelm.base.network.guard import Policy
from forgelm.config.multimodal import MultimodalConfig
from forgelm.data.pictures import PictureReader
from forgelm.data.problems import RowError

RED = picture("red")
SECTION = MultimodalConfig(enabled=True)
READER = PictureReader(SECTION)


def test_each_way_to_give_an_image_gives_the_same_picture(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "red.png").write_bytes(RED)
    cells: list[Any] = [
        "deep/red.png",
        str(tmp_path / "deep" / "red.png"),
        f"file://{tmp_path / 'deep' / 'red.png'}",
        RED,
        {"bytes": RED, "path": None},
        {"bytes": RED},
        {"path": "deep/red.png"},
        "data:image/png;base64," + base64.b64encode(RED).decode(),
    ]
    for cell in cells:
        (found,) = READER.read(cell, tmp_path)
        assert found.sha256 == sha256_bytes(RED)
        assert found.open().size == (24, 20)
    assert len(READER.read(["deep/red.png", RED], tmp_path)) == 2


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has very many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (None, "'image' holds no image"),
        ([], "'image' holds no image"),
        ("", "found nothing"),
        (7, "found a number"),
        ({"url": "x"}, "found an object"),
        ("gone.png", "cannot be read: No such file"),
        ("a\0b.png", "cannot be read"),
        (b"not an image", "is none that is read"),
        (b"", "is none that is read"),
        ("data:image/png,abc", "not base64"),
        ("data:image/png;base64,!!!!", "base64 is broken"),
        ("https://example.org/a.png", "allow_image_urls"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is none that is read"),
        (huge_png(8000, 7000), "8000x7000 pixels, more than model.multimodal.max_image_pixels"),
        (huge_png(60000, 60000), "too large"),
    ],
    ids=lambda part: repr(part)[:30],
)
def test_what_cannot_be_used_is_refused_with_its_reason(tmp_path: Path, cell: Any, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        READER.read(cell, tmp_path)


def test_the_limit_of_pixels_is_the_users(tmp_path: Path) -> None:
    small = PictureReader(MultimodalConfig(enabled=True, max_image_pixels=24 * 20))
    assert small.read(RED, tmp_path)
    out = io.BytesIO()
    Image.new("RGB", (25, 20)).save(out, "PNG")
    with pytest.raises(RowError, match="25x20 pixels"):
        small.read(out.getvalue(), tmp_path)


def test_rows_from_the_hub_may_not_name_files_here(tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(RED)
    with pytest.raises(RowError, match="may not name files here"):
        PictureReader(SECTION, local=False).read("red.png", tmp_path)
    assert PictureReader(SECTION, local=False).read({"bytes": RED, "path": "red.png"}, tmp_path)


def test_an_address_is_asked_only_where_that_is_allowed(tmp_path: Path) -> None:
    allowed = MultimodalConfig(enabled=True, allow_image_urls=True)
    client = HttpClient(policy=Policy(allow_private=True), largest_reply=10_000)

    def answer(asked: Any) -> Answer:
        replies = {"/red.png": Answer(body=RED), "/large": Answer(body=b"x" * 20_000)}
        return replies.get(asked.path, Answer(status=404))

    with serving(answer) as served:
        reader = PictureReader(allowed, client=client)
        (found,) = reader.read(f"{served.url}/red.png", tmp_path)
        assert found.sha256 == sha256_bytes(RED)
        with pytest.raises(RowError, match="answers 404"):
            reader.read(f"{served.url}/gone.png", tmp_path)
        with pytest.raises(RowError, match="larger than"):
            reader.read(f"{served.url}/large", tmp_path)
        asked = len(served.asked)
        with pytest.raises(RowError, match="this run is offline"):
            PictureReader(allowed, offline=True, client=client).read(f"{served.url}/red.png", tmp_path)
        with pytest.raises(RowError, match="allow_image_urls: true"):
            PictureReader(SECTION, client=client).read(f"{served.url}/red.png", tmp_path)
        with pytest.raises(RowError, match="cannot be downloaded"):
            PictureReader(allowed).read(f"{served.url}/red.png", tmp_path)  # an address of this machine
        assert len(served.asked) == asked
