"""A page for people, said once and rendered twice: as self-contained HTML and as Markdown. All text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from forgelm.base.redact import redact_text
from forgelm.evidence.markup import escape, table

_UNSAID = "not recorded"
_SHORT = 14
_STYLE = (
    ":root{color-scheme:light dark;--ink:#1f2328;--paper:#fff;--line:#d0d7de;--soft:#f6f8fa;--good:#1a7f37;"
    "--bad:#b42318;--open:#8a5a00}@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--line:#30363d;"
    "--soft:#161b22;--good:#4ac26b;--bad:#ff7b72;--open:#e3b341}}"
    "body{font:15px/1.55 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:var(--ink);"
    "background:var(--paper);overflow-wrap:anywhere}h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem}"
    "h2{font-size:1.15rem;margin:2rem 0 .5rem;padding-bottom:.2rem;border-bottom:1px solid var(--line)}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border:1px solid var(--line);"
    "overflow-wrap:anywhere}th{background:var(--soft);font-weight:600}table.facts th{width:30%}"
    "div{overflow-x:auto}.short{white-space:nowrap}thead th{overflow-wrap:break-word}"
    "ul{padding-left:1.2rem}a{color:inherit}b.good{color:var(--good)}b.bad{color:var(--bad)}b.open{color:var(--open)}"
    "p.lead{font-size:1.05rem}footer{margin-top:2.5rem;padding-top:.6rem;border-top:1px solid var(--line);"
    "font-size:.85rem}@media print{:root{--ink:#000;--paper:#fff;--soft:#f2f2f2;--line:#999}"
    "body{max-width:none;margin:0;font-size:10.5pt}tr,li{break-inside:avoid}h2{break-after:avoid}"
    "thead{display:table-header-group}div{overflow:visible}}@media(max-width:40rem){.short{white-space:normal}"
    "td{min-width:4rem}}"
)
_HEAD = (
    "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
    "<meta name='viewport' content='width=device-width,initial-scale=1'>"
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)


@dataclass(frozen=True)
class Link:
    """A way to another file of the run."""

    text: str
    href: str


@dataclass(frozen=True)
class Mark:
    """A word that stands out."""

    word: str
    tone: Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Bullets:
    items: tuple[Any, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, a row each."""

    rows: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


Block: TypeAlias = Paragraph | Bullets | Facts | Table


@dataclass(frozen=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A title, what the page is (``lead``), its sections, and where it comes from (``foot``)."""

    title: str
    lead: tuple[Any, ...]
    sections: tuple[Section, ...]
    foot: str = ""


def render_html(page: Page, home: Link | None = None) -> str:
    """Return one HTML page that asks nobody for anything, reads in the dark and prints; ``home`` leads back."""
    sections = "".join(
        f"<section><h2>{_text(section.title)}</h2>{''.join(_block(block) for block in section.blocks)}</section>"
        for section in page.sections
    )
    lead = "".join(f"<p class='lead'>{_cell(line)}</p>" for line in page.lead)
    way = f"<p>{_cell(home)}</p>" if home else ""
    foot = f"<footer>{way}{_text(page.foot)}</footer>" if way or page.foot else ""
    title = _text(page.title)
    return (
        f"{_HEAD}<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>{lead}{sections}"
        f"</main>{foot}</body></html>\n"
    )


def render_markdown(page: Page) -> str:
    """Return the page as Markdown."""
    parts = [f"# {escape(page.title)}", *(_markdown_cell(line) for line in page.lead)]
    for section in page.sections:
        parts += [f"## {escape(section.title)}", *(_markdown_block(block) for block in section.blocks)]
    return redact_text("\n\n".join([*parts, *([escape(page.foot)] if page.foot else [])]) + "\n")


def page_of(record: Mapping[str, Any], title: str, lead: str, foot: str = "") -> Page:
    """Return a page that shows every value of a record: a section for each key that holds more than one value."""
    record = _name_nothing(record)
    plain = tuple((words(key), value) for key, value in record.items() if not _is_nested(value))
    sections = [Section("Summary", (Facts(plain),))] if plain else []
    sections += [
        Section(words(key).capitalize(), blocks_of(value)) for key, value in record.items() if _is_nested(value)
    ]
    return Page(title, (lead,), tuple(sections), foot)


def blocks_of(value: Any) -> tuple[Block, ...]:
    """Return a nested value as blocks: a mapping as facts, a list of mappings as a table, other lists as bullets."""
    if isinstance(value, Mapping):
        if not value:
            return (Paragraph("nothing"),)
        rows = _flatten(value)
        facts = tuple(row for row in rows if not _is_table(row[1]))
        blocks: list[Block] = [Facts(facts)] if facts else []
        for name, item in rows:
            if _is_table(item):
                blocks += [Paragraph(f"{name.capitalize()}:"), *blocks_of(item)]
        return tuple(blocks)
    if _is_table(value):
        keys = tuple(dict.fromkeys(key for row in value for key in row))
        return (Table(tuple(words(key) for key in keys), tuple(tuple(row.get(key) for key in keys) for row in value)),)
    return (Bullets(tuple(value)),) if value else (Paragraph("nothing"),)


def words(key: str) -> str:
    """Return a key as words: ``base_model`` is ``base model``."""
    return key.replace("_", " ")


def show(value: Any) -> str:
    """Return a value as a person writes it."""
    if value is None or value in ("", [], (), {}):
        return _UNSAID
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else _UNSAID
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {show(item)}" for name, item in _flatten(value))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(show(item) for item in value)
    return redact_text(str(value))


def _name_nothing(value: Any) -> Any:
    """A record that says null has been made, and says that there is none."""
    if isinstance(value, Mapping):
        return {key: _name_nothing(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and value:
        return [_name_nothing(item) for item in value]
    return "none" if value is None or value in ("", [], ()) else value


def _flatten(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in record.items():
        name = f"{prefix}{words(str(key))}"
        if isinstance(value, Mapping) and value:
            rows += _flatten(value, f"{name}: ")
        else:
            rows.append((name, value))
    return rows


def _is_nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{_text(block.text)}</p>"
    if isinstance(block, Bullets):
        return f"<ul>{''.join(f'<li>{_cell(item)}</li>' for item in block.items)}</ul>"
    if isinstance(block, Facts):
        rows = "".join(
            f"<tr><th scope='row'>{_text(name)}</th><td>{_cell(value)}</td></tr>" for name, value in block.rows
        )
        return f"<div><table class='facts'><tbody>{rows}</tbody></table></div>"
    head = "".join(f"<th scope='col'>{_text(name)}</th>" for name in block.head)
    body = "".join(f"<tr>{''.join(_table_cell(value) for value in row)}</tr>" for row in block.rows)
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _table_cell(value: Any) -> str:
    """A short value stays on one line, so that the columns with text get the width."""
    parts = value if isinstance(value, (list, tuple)) else (value,)
    is_short = all(len(_plain(part)) <= _SHORT for part in parts)
    return f"<td class='short'>{_cell(value)}</td>" if is_short else f"<td>{_cell(value)}</td>"


def _plain(value: Any) -> str:
    if isinstance(value, Mark):
        return value.word
    return value.text if isinstance(value, Link) else show(value)


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value:
        return "<br>".join(_cell(item) for item in value)
    if isinstance(value, Link):
        return f"<a href='{html.escape(value.href, quote=True)}'>{_text(value.text)}</a>"
    if isinstance(value, Mark):
        return f"<b class='{value.tone}'>{_text(value.word)}</b>"
    return _text(show(value))


def _text(text: str) -> str:
    return html.escape(redact_text(text), quote=True)


def _markdown_block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return escape(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"- {_markdown_cell(item)}" for item in block.items)
    if isinstance(block, Facts):
        return table([(escape(name), _markdown_cell(value)) for name, value in block.rows])
    return table(
        [[_markdown_cell(value) for value in row] for row in block.rows], [escape(name) for name in block.head]
    )


def _markdown_cell(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value:
        return "; ".join(_markdown_cell(item) for item in value)
    if isinstance(value, Link):
        return f"[{escape(value.text)}](<{value.href}>)"
    if isinstance(value, Mark):
        return f"**{escape(value.word)}**"
    return escape(show(value))
