"""Running headers and tables of contents go, text stays."""

from __future__ import annotations

from forgelm.data.documents.pdf_cleanup import drop_matter, strip_edges, strip_packed
from forgelm.data.documents.record import Page


def test_headers_and_contents() -> None:
    pages = [Page(f"Acme\nbody {number} is here", number) for number in range(4)]
    kept, count = strip_edges(pages)
    assert ([page.text for page in kept], count) == ([f"body {number} is here" for number in range(4)], 4)
    contents = Page("\n".join(f"Ch {'.' * 30} {number}" for number in range(10, 18)), 9)
    assert drop_matter([contents, *pages]) == (pages, [9])
    packed, count = strip_packed([Page("H\na\n\nH\nb\n\nH\nc", 1)])
    assert (packed[0].text, count) == ("a\n\nb\n\nc", 3)
