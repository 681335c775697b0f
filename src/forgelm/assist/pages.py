"""The documentation, as it was installed, read by topic and searched for the row that explains one word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

import forgelm
from forgelm.base.errors import ArgumentError, StorageError

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CELLS = re.compile(r"(?<!\\)\|")
_MARK = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_OPEN = re.compile(r"…|<[^>]*>")
_CODES = "exit-codes"
# A list of names with the tests that show them; what they mean stands on the other pages.
_LISTED = "compatibility"


@dataclass(frozen=True)
class Page:
    """One page; ``topic`` is what it is asked for by."""

    topic: str
    title: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """A row of a table that begins with the word asked for: where it stands, and its other cells by their headings."""

    word: str
    topic: str
    heading: str
    says: Mapping[str, str] = field(default_factory=dict)


def load_pages(folder: Path | None = None) -> tuple[Page, ...]:
    """Return every page, by topic.

    Raises:
        StorageError: the pages are not where they were installed, or cannot be read.
    """
    place = _find_folder() if folder is None else folder
    try:
        pages = tuple(_read_page(path) for path in sorted(place.glob("*.md"), key=_topic))
    except OSError as error:
        raise StorageError(f"the documentation in {place} cannot be read: {error.strerror or error}") from error
    if not pages:
        raise StorageError(f"there is no documentation in {place}", hint="install ForgeLM again")
    return pages


def find_page(topic: str, pages: tuple[Page, ...]) -> Page:
    """Return the page on ``topic``.

    Raises:
        ArgumentError: there is none.
    """
    wanted = topic.strip().lower().removesuffix(".md")
    for page in pages:
        if page.topic == wanted:
            return page
    topics = [page.topic for page in pages]
    raise ArgumentError(f"there is no page on {topic!r}", hint=_nearest(wanted, topics, "forgelm docs"))


def explain(word: str, pages: tuple[Page, ...]) -> tuple[Explanation, ...]:
    """Return what the tables say about ``word``: an exit code, an event, a gate, a field (``lora.r``, ``r``), a probe.

    Raises:
        ArgumentError: no table has it.
    """
    wanted = word.strip().strip("`").lower()
    rows = [(row, names) for page in pages if page.topic != _LISTED for row, names in _rows(page)]
    if wanted.isdecimal():
        rows = [(row, names) for row, names in rows if row.topic == _CODES]
    for matches in (str.__eq__, fnmatchcase):
        if found := tuple(row for row, names in rows if any(matches(wanted, name) for name in names)):
            return found
    known = sorted({name for _, names in rows for name in names})
    raise ArgumentError(f"nothing is written about {word!r}", hint=_nearest(wanted, known, "forgelm docs"))


def _nearest(wanted: str, known: list[str], command: str) -> str:
    near = get_close_matches(wanted, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"'{command}' lists the pages"


def _find_folder() -> Path:
    """Return the pages of the installed package or, in a source tree, those it is built from."""
    package = Path(forgelm.__file__).parent
    installed = package / "pages"
    return installed if installed.is_dir() else package.parents[1] / "docs"


def _topic(path: Path) -> str:
    return path.stem


def _read_page(path: Path) -> Page:
    text = _MARK.sub("", path.read_text(encoding="utf-8"))
    title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), path.stem)
    return Page(_topic(path), title, text)


def _rows(page: Page) -> Iterator[tuple[Explanation, frozenset[str]]]:
    """Yield every row of the page's tables, with the names it can be asked for by."""
    heading, columns = page.title, list[str]()
    for line in _FENCE.sub("", page.text).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").replace("`", "")
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
        if not columns:
            columns = cells
        elif cells and not set(cells[0]) <= set("-: "):
            says = {name or "meaning": cell for name, cell in zip(columns[1:], cells[1:], strict=False) if cell}
            row = Explanation(cells[0].replace("`", ""), page.topic, heading, says)
            yield row, _names(cells[0], heading)


def _names(cell: str, heading: str) -> frozenset[str]:
    """Return the names of a row; ``.high`` after ``safety.critical`` is ``safety.high``, and ``…`` is any end."""
    single = [_OPEN.sub("*", name.lower()) for name in re.findall(r"`([^`]+)`", cell)] or [cell.lower()]
    family = single[0].rpartition(".")[0]
    single = [f"{family}{name}" if name.startswith(".") else name for name in single]
    return frozenset({*single, *(f"{heading.lower()}.{name}" for name in single)})
