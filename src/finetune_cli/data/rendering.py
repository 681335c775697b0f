"""Writes rows as what a model learns from: a conversation, a prompt with its reply, or text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finetune_cli.core.exceptions import DatasetLoadError
from finetune_cli.data.layout import Kind, Layout
from forgelm.data.rows import Row

RESPONSE_HEADING = "### Response:\n"


def render_rows(rows: Sequence[Row], layout: Layout) -> list[Row]:
    """Return the rows with the columns ``messages``, ``prompt`` and ``completion``, or ``text``; empty texts stay.

    Raises:
        DatasetLoadError: a column that is needed holds something else than text; the message names the row.
    """
    return [Row(_render(row, layout), row.source, row.number, row.part) for row in rows]


def render_prompt(instruction: str, given: str | None = None, system: str | None = None) -> str:
    """Return the prompt with its headings; the input's and the system's stand only where there is one."""
    parts = [f"### System:\n{system}"] if system and system.strip() else []
    parts.append(f"### Instruction:\n{instruction}")
    parts += [f"### Input:\n{given}"] if given and given.strip() else []
    return "\n\n".join([*parts, RESPONSE_HEADING])


def split_prompt(text: str) -> dict[str, str]:
    """Return a text that ``render_prompt`` began as prompt and completion, or as text where it has no such heading."""
    before, heading, after = text.partition(RESPONSE_HEADING)
    return {"prompt": before + heading, "completion": after} if heading and after.strip() else {"text": text}


def _render(row: Row, layout: Layout) -> dict[str, Any]:
    value, columns = row.value, layout.columns
    if layout.kind is Kind.MESSAGES:
        kept = {name: value[name] for name in ("system", "tools") if value.get(name) is not None}
        return {columns[0]: value.get(columns[0])} | kept
    if layout.kind is Kind.PAIR:
        return {"prompt": _text(row, columns[0]), "completion": _text(row, columns[1])}
    if layout.kind is Kind.INSTRUCTION:
        asked, reply, given, system = columns
        prompt = render_prompt(_text(row, asked), _optional(row, given), _optional(row, system))
        return {"prompt": prompt, "completion": _text(row, reply)}
    if layout.kind is Kind.TEXT:
        return {"text": _text(row, columns[0])}
    return {"text": join_columns(value, columns)}


def join_columns(value: Mapping[str, Any], columns: Sequence[str]) -> str:
    """Return ``name: value`` for each column that holds something, with a space between them."""
    return " ".join(f"{name}: {value[name]}" for name in columns if str(value.get(name) or "").strip())


def _text(row: Row, column: str) -> str:
    found = row.value.get(column)
    if not isinstance(found, str):
        kind = "nothing" if found is None else type(found).__name__
        raise DatasetLoadError(row.source, f"{row.where}: column {column!r} must hold text, found {kind}")
    return found


def _optional(row: Row, column: str) -> str | None:
    return _text(row, column) if column and row.value.get(column) is not None else None
