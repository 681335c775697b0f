"""The preview's page in a real browser: readable, self-contained, and deaf to what hostile rows say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import sections, write_rows

from forgelm.assist.preview import preview_dataset
from forgelm.config.root import ForgeConfig

BROWSER = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine; CI installs Debian's")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is in the extra dev")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_the_page_shows_marks_and_asks_nobody(browser: Any, tmp_path: Path) -> None:
    hostile = (
        "<script>document.title='owned'</script><img src='http://127.0.0.1:9/x' onerror=\"document.title='owned'\">"
    )
    row = {"messages": [{"role": "user", "content": hostile}, {"role": "assistant", "content": f"No. {hostile}"}]}
    config = ForgeConfig(**sections(write_rows(tmp_path / "rows.jsonl", [row] * 3), tmp_path / "run"))
    path = tmp_path / "preview.html"
    path.write_text(preview_dataset(config, rows=2).render_html(), encoding="utf-8")
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert page.title() == "Dataset preview"
    assert requests == [path.as_uri()]
    assert complaints == []
    marked = page.locator("pre mark")
    assert marked.count() == 2
    assert marked.first.inner_text() == f"No. {hostile}<|end|>"
    prompt = page.locator("pre span").first
    assert hostile in prompt.inner_text()
    background = "node => getComputedStyle(node).backgroundColor"
    assert marked.first.evaluate(background) != prompt.evaluate(background)
