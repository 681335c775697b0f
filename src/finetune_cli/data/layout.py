"""Looks at a dataset's columns and decides which hold what: a conversation, a prompt and its reply, or text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from finetune_cli.core.exceptions import InvalidConfigError, NoTextColumnsError
from forgelm.config.nearest import nearest_word

_CONVERSATION = ("messages", "conversations", "conversation")
_ASKED = ("instruction", "question", "user")
_REPLY = ("response", "completion", "output", "answer", "assistant")
_CONTEXT = ("input", "context")
_TEXT = frozenset({"text", "content", "input", "prompt", "document", "body", "article", *_ASKED, *_REPLY})


class Kind(StrEnum):
    TOKENS = "tokens"
    MESSAGES = "messages"
    PAIR = "pair"
    INSTRUCTION = "instruction"
    TEXT = "text"
    JOINED = "joined"


@dataclass(frozen=True)
class Layout:
    """How rows are read. ``columns`` by kind: the text columns; prompt and reply; instruction, reply, input, system."""

    kind: Kind
    columns: tuple[str, ...]


def detect_columns(dataset: Any) -> list[str]:
    """Return the columns that hold text to learn, known by their names and holding text; in the dataset's order."""
    names = list(getattr(dataset, "column_names", None) or dict.fromkeys(name for row in dataset for name in row))
    return _text_columns(names, _first_values(dataset, names))


def choose_layout(rows: Sequence[Mapping[str, Any]], text_columns: Sequence[str] | None = None) -> Layout:
    """Return how these rows are read; ``text_columns`` are the ones the user named.

    Raises:
        InvalidConfigError: a named column does not exist.
        NoTextColumnsError: no column holds text to learn.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if text_columns:
        return _named(names, text_columns)
    return layout_of(names, _first_values(rows, names))


def layout_of(names: Sequence[str], values: Mapping[str, Any]) -> Layout:
    """Return the layout of rows with these columns, ``values`` being the first filled one of each."""
    if "input_ids" in names:
        return Layout(Kind.TOKENS, ("input_ids",))
    for name in _CONVERSATION:
        if isinstance(values.get(name), list):
            return Layout(Kind.MESSAGES, (name,))
    texts = {name for name in names if isinstance(values.get(name), str)}
    reply = next((name for name in _REPLY if name in texts), None)
    if reply and "prompt" in texts:
        return Layout(Kind.PAIR, ("prompt", reply))
    asked = next((name for name in _ASKED if name in texts), None)
    if reply and asked:
        context = next((name for name in _CONTEXT if name in names), "")
        return Layout(Kind.INSTRUCTION, (asked, reply, context, "system" if "system" in names else ""))
    if "text" in texts:
        return Layout(Kind.TEXT, ("text",))
    found = _text_columns(names, values)
    if not found:
        raise NoTextColumnsError(tuple(names))
    return Layout(Kind.TEXT if len(found) == 1 else Kind.JOINED, tuple(found))


def _named(names: Sequence[str], asked: Sequence[str]) -> Layout:
    for name in asked:
        if name not in names:
            near = nearest_word(name, names)
            raise InvalidConfigError(
                f"dataset.text_columns: there is no column {name!r} (columns: {', '.join(names)})",
                field="dataset.text_columns",
                hint=f"did you mean {near!r}?" if near else None,
            )
    return Layout(Kind.TEXT if len(asked) == 1 else Kind.JOINED, tuple(asked))


def _text_columns(names: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    return [name for name in names if name.lower() in _TEXT and isinstance(values.get(name), str)]


def _first_values(rows: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the first value of each column that is not null."""
    found: dict[str, Any] = {}
    for row in rows:
        found |= {name: row[name] for name in names if name not in found and row.get(name) is not None}
        if len(found) == len(names):
            break
    return found
