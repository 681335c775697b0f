"""The docling backend over a converter with docling's interface; docling itself is tried where it is installed."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from damaged_files import make_docx, make_pdf

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import is_installed
from forgelm.data.documents.apart import read_apart
from forgelm.data.documents.docling import read_docling
from forgelm.data.documents.record import DocumentError, ReadOptions

DOCLING = ReadOptions(backend="docling")


@dataclass
class Told:
    """A converter that answers with what it was given, and remembers what it was asked."""

    texts: dict[int | None, str]
    status: str = "success"
    errors: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def convert(self, source: Path, **more: Any) -> Told:
        self.asked.append({"source": source, **more})
        return self

    @property
    def document(self) -> Told:
        return self

    @property
    def pages(self) -> dict[int, str]:
        return {number: text for number, text in self.texts.items() if number is not None}

    def export_to_markdown(self, page_no: int | None = None) -> str:
        return self.texts[page_no]


def test_pages_keep_their_numbers(tmp_path: Path) -> None:
    told = Told({2: "# Two", 1: "One"})
    document = read_docling(tmp_path / "a.pdf", ReadOptions(backend="docling", page_range=(1, 2)), told)
    assert [(page.text, page.number) for page in document.pages] == [("One", 1), ("# Two", 2)]
    (asked,) = told.asked
    assert (asked["page_range"], asked["raises_on_error"]) == ((1, 2), False)
    assert [page.number for page in read_docling(tmp_path / "a.html", DOCLING, Told({None: "x"})).pages] == [None]


def test_what_docling_says_of_a_failure_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"refused by docling \(failure\): broken xref"):
        read_docling(tmp_path / "a.pdf", DOCLING, Told({}, "failure", ["broken xref"]))
    with pytest.raises(DocumentError, match="holds no text"):
        read_docling(tmp_path / "a.pdf", DOCLING, Told({1: " "}))
    (note,) = read_docling(tmp_path / "a.pdf", DOCLING, Told({1: "x"}, "partial_success", ["page 2"])).notes
    assert "page 2" in note


def test_a_bomb_never_reaches_docling(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", b"0" * 50 * 2**20)
    told = Told({None: "x"})
    with pytest.raises(DocumentError, match="zip bomb"):
        read_docling(tmp_path / "a.docx", DOCLING, told)
    assert told.asked == []


@pytest.mark.skipif(is_installed("docling"), reason="docling is installed")
def test_docling_names_its_extra_when_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(make_pdf(packed=True))
    with pytest.raises(OptionalDependencyError, match=r"forgelm\[docling\]"):
        read_apart(tmp_path / "a.pdf", DOCLING)
    (tmp_path / "a.txt").write_text("read without it")
    assert read_apart(tmp_path / "a.txt", DOCLING).pages[0].text == "read without it"


@pytest.mark.skipif(not is_installed("docling"), reason="docling is not installed")
def test_docling_reads_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(make_docx())
    assert "Title" in read_apart(tmp_path / "a.docx", DOCLING).pages[0].text
