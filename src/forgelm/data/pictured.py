"""Rows with images: the image column becomes the row's pictures, and each has its place in what is said.

A place is the marker ``<image>`` in the user's words. Where a row has none, its images come before the first of them.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.data.picture import Picture
from forgelm.data.pictures import PictureReader
from forgelm.data.problems import RowError, RowProblems, join_names, quote, row_problem
from forgelm.data.rows import RawDataset, Row, name_file

MARKER = "<image>"
_OWN_IMAGE = ("image", "image_url", "url", "path", "base64")


def take_pictures(raw: RawDataset, reader: PictureReader) -> RawDataset:
    """Return the rows without their image column, each with its pictures and markers for the image parts it had.

    Raises:
        DataError: there is no such column, or images that cannot be used, the first few with their places.
    """
    column = reader.section.image_column
    reader = replace(reader, local=raw.kind != "huggingface_hub")
    _check_column(raw, column)
    problems = RowProblems()
    splits: dict[str, list[Row]] = {}
    for split, rows in raw.splits.items():
        splits[split] = []
        for row in rows:
            try:
                splits[split].append(_take(row, column, reader))
            except RowError as error:
                problems.add(row_problem(str(error), source=row.source, part=row.part, number=row.number))
    problems.raise_if_any(
        f"{raw.name}: the images of {problems.count} rows cannot be used", hint="correct these rows or take them out"
    )
    return replace(raw, splits=splits)


def place_pictures(value: dict[str, Any], pictures: tuple[Picture, ...]) -> dict[str, Any]:
    """Return a normalised row with a marker for every picture, and the pictures' digests.

    Raises:
        RowError: there are markers, but not one for each picture, or one stands in a reply.
    """
    _check_replies(value)
    count = sum(text.count(MARKER) for text in _asked(value))
    if count not in (0, len(pictures)):
        raise RowError(f"has {len(pictures)} images and {count} times {MARKER} in its text")
    marked = value if count else _put_first(value, MARKER * len(pictures))
    return {**marked, "images": [picture.sha256 for picture in pictures]}


def _check_column(raw: RawDataset, column: str) -> None:
    columns = list(dict.fromkeys(name for rows in raw.splits.values() for row in rows for name in _columns(row)))
    if column not in columns:
        near = difflib.get_close_matches(column, columns, n=1)
        raise DataError(
            f"model.multimodal.image_column: {raw.name} has no column {quote(column)} (found: "
            f"{join_names(columns) or 'none'})",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )


def _columns(row: Row) -> list[str]:
    return list(row.value) if isinstance(row.value, dict) else []


def _take(row: Row, column: str, reader: PictureReader) -> Row:
    if not isinstance(row.value, dict):
        return row  # refused later, with its own words
    folder = Path(name_file(row.source, row.part)).parent
    pictures = reader.read(row.value.get(column), folder)
    rest = {name: _mark_parts(value) for name, value in row.value.items() if name != column}
    return replace(row, value=rest, pictures=pictures)


def _mark_parts(value: Any) -> Any:
    """Return a list of messages whose parts of type ``image`` are markers, and anything else unchanged."""
    if not isinstance(value, list):
        return value
    return [
        {**message, "content": [_mark_part(part) for part in message["content"]]}
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        else message
        for message in value
    ]


def _mark_part(part: Any) -> Any:
    if not isinstance(part, dict) or part.get("type") not in ("image", "image_url"):
        return part
    if any(part.get(name) is not None for name in _OWN_IMAGE):
        raise RowError("a message holds an image itself; images are read from model.multimodal.image_column")
    return {"type": "text", "text": MARKER}


def _check_replies(value: dict[str, Any]) -> None:
    said = [message["content"] for message in _messages(value) if message["role"] == "assistant"]
    if isinstance(value.get("completion"), str):
        said.append(value["completion"])
    if any(MARKER in text for text in said):
        raise RowError(f"a reply holds {MARKER}; images are what the model is shown, not what it says")


def _asked(value: dict[str, Any]) -> list[str]:
    texts = [message["content"] for message in _messages(value) if message["role"] != "assistant"]
    return texts + [value[part] for part in ("prompt", "text") if isinstance(value.get(part), str)]


def _messages(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        message
        for part in ("messages", "prompt", "completion")
        if isinstance(value.get(part), list)
        for message in value[part]
    ]


def _put_first(value: dict[str, Any], markers: str) -> dict[str, Any]:
    for part in ("prompt", "text"):
        if isinstance(value.get(part), str):
            return {**value, part: markers + value[part]}
    for part in ("messages", "prompt"):
        messages = value.get(part) or []
        place = next((place for place, message in enumerate(messages) if message["role"] == "user"), None)
        if place is not None:
            first = messages[place]
            shown = {**first, "content": markers + first["content"]}
            return {**value, part: [*messages[:place], shown, *messages[place + 1 :]]}
    raise RowError("holds no user message that an image could belong to")
