"""A page says the same as HTML and as Markdown, whatever stands in it, and looks right in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.evidence.documents.page import (
    Bullets,
    Facts,
    Link,
    Mark,
    Page,
    Paragraph,
    Section,
    Table,
    page_of,
    render_html,
    render_markdown,
    show,
)

BROWSER = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
HOSTILE = "</td><script>document.title='owned'</script><img src='http://127.0.0.1:9/x' onerror=\"alert(1)\"> | *b*"
TOKEN = "hf_" + "a1B2" * 8


def page_with(text: str) -> Page:
    return Page(
        text,
        (text, Mark(text, "bad")),
        (
            Section(
                text,
                (
                    Paragraph(text),
                    Bullets((text, Link(text, "a.html"))),
                    Facts(((text, text), ("list", [text, 1]), ("mapping", {text: {"inner": None}}))),
                    Table((text, "b"), ((text, 0.5), (Mark(text, "good"), True))),
                ),
            ),
        ),
        text,
    )


class Reader(HTMLParser):
    """Collects tags and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None:
        pytest.skip("no Chromium on this machine; CI installs Debian's")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra dev")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not recorded"),
        ("", "not recorded"),
        ([], "not recorded"),
        ({}, "not recorded"),
        (float("nan"), "not recorded"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (0.1234567, "0.123457"),
        (7.2e23, "7.2e+23"),
        (["a", 1, None], "a; 1; not recorded"),
        ({"base_model": "m", "size": {"big": True}}, "base model: m; size: big: yes"),
        (f"token {TOKEN}", "token ***REDACTED***"),
    ],
)
def test_show(value: Any, text: str) -> None:
    assert show(value) == text


@given(st.text(min_size=1, max_size=60))
def test_no_text_becomes_markup(text: str) -> None:
    plain, given_ = Reader(render_html(page_with("word"))), Reader(render_html(page_with(text)))
    assert given_.tags == plain.tags
    lines = render_markdown(page_with(text)).split("\n")
    assert len(lines) == len(render_markdown(page_with("word")).split("\n"))


def test_a_token_is_on_no_page() -> None:
    assert TOKEN not in render_html(page_with(TOKEN)) + render_markdown(page_with(TOKEN))


def test_a_record_becomes_a_page_with_every_value() -> None:
    record = {
        "run_id": "fg-1",
        "model": {"name": "m", "revision": {"commit": "c0ffee"}},
        "sources": [{"name": "a", "rows": 1}, {"name": "b", "tokens": 2}],
        "nested": {"gates": [{"gate": "loss"}], "plain": 3},
        "notes": ["first note", "second note"],
        "empty": {},
    }
    text = Reader(render_html(page_of(record, "Record", "lead"))).text
    for expected in ("fg-1", "c0ffee", "revision: commit", "first note", "second note", "loss", "Gates:"):
        assert expected in text
    assert Reader(render_html(page_of(record, "Record", "lead"))).tags.count("table") == 5


def test_the_page_in_a_browser(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(render_html(page_with(HOSTILE)), encoding="utf-8")
    page = browser.new_page(viewport={"width": 900, "height": 700})
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert page.title() == HOSTILE
    assert requests == [path.as_uri()]
    assert complaints == []
    for width in (900, 400):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    colour = "node => getComputedStyle(node).color"
    assert page.locator("b.bad").first.evaluate(colour) != page.locator("b.good").first.evaluate(colour)
    page.emulate_media(media="print")
    assert page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(255, 255, 255)"
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    page.close()
