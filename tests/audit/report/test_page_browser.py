"""The audit's page in a real browser: complete, readable in light, dark and print, and deaf to hostile data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from audit_reports import make_report

from forgelm.audit.report.page import render_page
from forgelm.audit.report.parts import DuplicateCluster, DuplicateRow, LocatedFinding, Place
from forgelm.audit.report.record import AuditReport

BROWSER = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)
HOSTILE = (
    "</pre><script>document.title='owned'</script><img src='http://127.0.0.1:9/x' onerror=\"document.title='owned'\">"
    "<style>body{display:none}</style>\u202egpj.exe"
)
# Every text whose contrast with what is behind it is below the 4.5 that WCAG 2 asks for.
CONTRAST = """() => {
  const parse = (colour) => {
    const numbers = colour.match(/[\\d.]+/g).map(Number);
    return numbers.length > 3 && numbers[3] === 0 ? null : numbers;
  };
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => { for (let n = node; n; n = n.parentElement) {
    const colour = parse(getComputedStyle(n).backgroundColor); if (colour) return colour; } return [255, 255, 255]; };
  const worst = [];
  for (const node of document.querySelectorAll('main *, nav *')) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
    if (node instanceof SVGElement || !node.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) worst.push([node.className, node.textContent.slice(0, 30), ratio]);
  }
  return worst;
}"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine; CI installs Debian's")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra dev")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def open_page(browser: Any, report: AuditReport, folder: Path, **options: Any) -> tuple[Any, list[str], list[str]]:
    """Return the page with the requests it makes and what the browser complains about."""
    path = folder / "report.html"
    path.write_text(render_page(report), encoding="utf-8")
    page = browser.new_page(**options)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    return page, requests, complaints


def make_hostile() -> AuditReport:
    report = make_report()
    where = Place("train", 0, HOSTILE)
    rows = tuple(DuplicateRow(where, f"{HOSTILE} {number}") for number in range(2))
    finding = LocatedFinding("pii", "credit_card", "critical", where, HOSTILE, (0, 5), HOSTILE)
    drifting = report.splits["train"] | {"schema_drift_columns": ["k" * 5000]}
    return replace(
        report, source_input=HOSTILE, notes=[HOSTILE], findings=(finding,), splits=report.splits | {"train": drifting},
        duplicates=(DuplicateCluster(2, False, rows),),
    )  # fmt: skip


def test_the_page_is_complete_and_asks_nobody(browser: Any, tmp_path: Path) -> None:
    page, requests, complaints = open_page(browser, make_report(), tmp_path)
    assert requests == [page.url]
    assert complaints == []
    assert page.locator("h1").inner_text() == "Failed: set"
    assert page.locator(".gates li.failed").count() == 2
    assert page.locator("svg.histogram").count() == 2
    assert page.locator("section").count() == page.locator("nav a").count() == 12
    assert page.locator("section:visible").count() == 12
    # The style sheet is applied, so the policy lets it through.
    assert page.locator(".verdict").evaluate("node => getComputedStyle(node).borderLeftWidth") == "6px"


def test_hostile_data_stays_text(browser: Any, tmp_path: Path) -> None:
    page, requests, complaints = open_page(browser, make_hostile(), tmp_path)
    assert requests == [page.url]
    assert complaints == []
    assert page.title().startswith("Failed: dataset audit of </pre><script>")
    assert page.locator("img, script").count() == 0
    assert page.locator("style").count() == 1
    assert page.locator("main").is_visible()
    kept, other = (page.locator(".pair pre").nth(place).inner_text() for place in (0, 1))
    assert kept == HOSTILE.replace("\u202e", "\\u202e") + " 0"
    assert other.endswith("01")
    assert page.locator(".pair pre del").inner_text() == "0"
    assert page.locator(".pair pre ins").inner_text() == "1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_in_both_schemes(scheme: str, browser: Any, tmp_path: Path) -> None:
    page, _, complaints = open_page(browser, make_report(), tmp_path, color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    assert complaints == []
    background = page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    assert (background == "rgb(251, 250, 248)") is (scheme == "light")


def test_it_fits_a_telephone(browser: Any, tmp_path: Path) -> None:
    page, _, _ = open_page(browser, make_hostile(), tmp_path, viewport={"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_it_can_be_used_with_the_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    page, _, _ = open_page(browser, make_report(), tmp_path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to what was found"
    page.keyboard.press("Enter")
    assert page.url.endswith("#headlines")
    summary = page.locator("#findings summary").first
    was_open = page.locator("#findings details").first.get_attribute("open") is not None
    summary.focus()
    page.keyboard.press("Enter")
    assert (page.locator("#findings details").first.get_attribute("open") is not None) is not was_open
    regions = page.locator(".scroll")
    assert regions.count() == page.locator(".scroll[tabindex='0'][aria-label]").count() > 5
    headings = page.locator("h1, h2, h3").evaluate_all("nodes => nodes.map(node => Number(node.tagName[1]))")
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_print_opens_everything_on_white(browser: Any, tmp_path: Path) -> None:
    page, _, _ = open_page(browser, make_report(), tmp_path, color_scheme="dark")
    for details in page.locator("details").all():
        details.evaluate("node => node.removeAttribute('open')")
    place = page.locator("#findings td").first
    assert not place.is_visible()
    page.emulate_media(media="print")
    assert place.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    assert page.pdf().startswith(b"%PDF")
