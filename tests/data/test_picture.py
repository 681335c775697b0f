"""A picture is opened as it is looked at, and only as long as its bytes are those that were read."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from vision import picture

from forgelm.base.errors import DataError
from forgelm.base.files import sha256_bytes
from forgelm.data.picture import Picture


def held(data: bytes) -> Picture:
    return Picture(sha256_bytes(data), data=data)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_each_format_gives_red_green_and_blue(form: str) -> None:
    image = held(picture("blue", form=form)).open()
    assert (image.mode, image.size) == ("RGB", (24, 20))
    red, _, blue = image.getpixel((3, 3))
    assert blue > 150 > red


def test_it_is_turned_as_its_exif_data_says() -> None:
    image = Image.new("RGB", (30, 10), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # a camera held upright
    assert held(saved(image, "JPEG", exif=exif)).open().size == (10, 30)


def test_grey_and_transparent_ones_get_three_channels() -> None:
    for mode in ("L", "RGBA", "P", "1"):
        assert held(saved(Image.new(mode, (4, 4)), "PNG")).open().mode == "RGB"


def test_half_an_image_is_none() -> None:
    data = saved(Image.effect_noise((200, 200), 90), "JPEG")
    with pytest.raises(DataError, match="cannot be decoded"):
        held(data[: len(data) // 2]).open()


def test_a_file_that_changed_or_went_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(picture("red"))
    found = Picture(sha256_bytes(path.read_bytes()), path=path)
    assert found.open().size == (24, 20)
    path.write_bytes(picture("green"))
    with pytest.raises(DataError, match="changed while it was in use"):
        found.open()
    path.unlink()
    with pytest.raises(DataError, match="cannot be read: No such file"):
        found.open()
