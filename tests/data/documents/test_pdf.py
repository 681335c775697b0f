"""PDF: text by page; scanned and encrypted files are refused."""

from __future__ import annotations

from pathlib import Path

import pypdf
import pytest
from damaged_files import make_pdf
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from forgelm.data.documents.pdf import read_pdf
from forgelm.data.documents.record import DocumentError, ReadOptions


def _write(path: Path, texts: list[str], password: str = "") -> None:
    writer = pypdf.PdfWriter()
    for text in texts:
        page = writer.add_blank_page(200, 200)
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        entry = DictionaryObject({NameObject(key): NameObject(value) for key, value in font.items()})
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(entry)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)


def test_pages_and_refusals(tmp_path: Path) -> None:
    _write(tmp_path / "a.pdf", ["one", "two", "three"])
    pages = read_pdf(tmp_path / "a.pdf", ReadOptions(page_range=(2, 9))).pages
    assert [(page.text.strip(), page.number) for page in pages] == [("two", 2), ("three", 3)]
    _write(tmp_path / "s.pdf", [""])
    with pytest.raises(DocumentError, match="scanned"):
        read_pdf(tmp_path / "s.pdf", ReadOptions())
    _write(tmp_path / "e.pdf", ["x"], "pass")
    with pytest.raises(DocumentError, match="encrypted"):
        read_pdf(tmp_path / "e.pdf", ReadOptions())


@pytest.mark.parametrize("name", ["/NoSuch", "/Fl"])
def test_a_filter_that_is_not_there_is_a_refusal(name: str, tmp_path: Path) -> None:
    whole = make_pdf(packed=True)
    (tmp_path / "a.pdf").write_bytes(whole.replace(b"/FlateDecode", name.encode().ljust(len(b"/FlateDecode"))))
    with pytest.raises(DocumentError, match="is damaged"):
        read_pdf(tmp_path / "a.pdf", ReadOptions())
