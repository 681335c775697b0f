"""Text files of rows (JSON lines, JSON, CSV, plain lines) to Python values, each with its number.

UTF-8 only, with or without a byte order mark. What cannot be parsed is named by line and column, never skipped.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError, Problem
from forgelm.data.problems import RowProblems, describe, quote

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LARGEST_CELL = 2**31 - 1
_DELIMITERS = (",", ";", "\t")
_SPLIT_KEYS = ("train", "validation", "test")

Numbered = list[tuple[int, Any]]


@dataclass(frozen=True)
class FileRows:
    """What one file held: numbered values per split (``train`` unless the file says otherwise), and remarks."""

    splits: dict[str, Numbered]
    notes: tuple[str, ...] = ()


def read_json_lines(path: Path, name: str) -> FileRows:
    """Read one JSON object a line; blank lines count as lines and hold no row.

    Raises:
        DataError: lines that are no JSON object or not UTF-8, the first few with line and column.
    """
    problems = RowProblems()
    rows: Numbered = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            text = _decode_line(line, number, name, problems)
            if text is not None and text.strip():
                _parse_line(text, number, name, rows, problems)
    problems.raise_if_any(f"{name}: {problems.count} of its lines cannot be read")
    return FileRows({"train": rows})


def read_json(path: Path, name: str) -> FileRows:
    """Read an array of objects, an object that holds one under ``data`` or a split's name, or JSON lines.

    Raises:
        DataError: not JSON, with line and column; or JSON of another layout.
    """
    text = read_text(path, name)
    try:
        value = json.loads(text)
    except ValueError as error:
        if _starts_with_an_object(text):
            return read_json_lines(path, name)
        raise DataError(str(_json_problem(error, text, name)), problems=(_json_problem(error, text, name),)) from None
    except RecursionError:
        raise DataError(f"{name}: nested too deeply to be rows of text") from None
    if isinstance(value, list):
        return FileRows({"train": list(enumerate(value, start=1))})
    if isinstance(value, dict):
        return FileRows(_rows_of_object(value))
    raise DataError(f"{name}: holds {describe(value)}, not a list of rows", hint="write an array of objects")


def read_csv(path: Path, name: str) -> FileRows:
    """Read a table with a header; every cell stays the text it is (``NA`` and ``null`` too).

    The separator is the first of comma, semicolon and tab that the header holds. Numbers are those of lines.

    Raises:
        DataError: rows whose number of cells is not the header's, bad quoting, or columns without unique names.
    """
    text = read_text(path, name)
    first_line = text.lstrip("\r\n").partition("\n")[0]
    delimiter = next((mark for mark in _DELIMITERS if mark in first_line), ",")
    with _cells_of_any_size():
        rows = _read_table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), name)
    return FileRows({"train": rows})


def read_lines(path: Path, name: str) -> FileRows:
    """Read plain text, one row a line as ``{"text": line}``; blank lines hold no row and are counted."""
    rows: Numbered = []
    blank = 0
    for number, line in enumerate(read_text(path, name).split("\n"), start=1):
        if line.strip():
            rows.append((number, {"text": line.removesuffix("\r")}))
        else:
            blank += 1
    blank -= 1  # what follows the last line end is no line
    return FileRows({"train": rows}, (f"{name}: {blank} blank lines hold no row",) if blank > 0 else ())


def read_text(path: Path, name: str) -> str:
    """Return the file's text without byte order mark.

    Raises:
        DataError: not UTF-8; the message names line and byte.
    """
    data = path.read_bytes()
    if data.startswith(_UTF16):
        raise DataError(f"{name}: is UTF-16 text", hint="save the file as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = Problem(f"not UTF-8: byte 0x{data[error.start]:02x}", file=name, line=line, column=column)
        raise DataError(str(problem), hint="save the file as UTF-8", problems=(problem,)) from None


def _decode_line(line: bytes, number: int, name: str, problems: RowProblems) -> str | None:
    if number == 1:
        if line.startswith(_UTF16):
            raise DataError(f"{name}: is UTF-16 text", hint="save the file as UTF-8")
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte 0x{line[error.start]:02x}"
        problems.add(Problem(message, file=name, line=number, column=error.start + 1, hint="save the file as UTF-8"))
        return None


def _parse_line(text: str, number: int, name: str, rows: Numbered, problems: RowProblems) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        problems.add(_json_problem(error, text, name, line=number))
    except RecursionError:
        problems.add(Problem("nested too deeply to be a row of text", file=name, line=number))
    else:
        if isinstance(value, dict):
            rows.append((number, value))
        else:
            problems.add(Problem(f"a row must be an object, found {describe(value)}", file=name, line=number))


def _json_problem(error: ValueError, text: str, name: str, *, line: int | None = None) -> Problem:
    if not isinstance(error, json.JSONDecodeError):
        return Problem(f"not readable as JSON: {error}", file=name, line=line)
    found = quote(text[error.pos :].rstrip("\r\n")) if text[error.pos :].strip() else "the end"
    return Problem(f"not JSON: {error.msg}, found {found}", file=name, line=line or error.lineno, column=error.colno)


def _starts_with_an_object(text: str) -> bool:
    """Whether the first line with anything on it is a JSON object by itself, as in JSON lines."""
    first = text.lstrip().partition("\n")[0]
    try:
        return isinstance(json.loads(first), dict) and "\n" in text.strip()
    except (ValueError, RecursionError):
        return False


def _rows_of_object(value: dict[str, Any]) -> dict[str, Numbered]:
    splits = {key: value[key] for key in _SPLIT_KEYS if isinstance(value.get(key), list)}
    if "train" in splits:
        return {key: list(enumerate(rows, start=1)) for key, rows in splits.items()}
    if isinstance(value.get("data"), list):
        return {"train": list(enumerate(value["data"], start=1))}
    return {"train": [(1, value)]}


def _read_table(reader: Any, name: str) -> Numbered:
    problems = RowProblems()
    header: list[str] | None = None
    rows: Numbered = []
    number = 1
    try:
        for cells in reader:
            if not cells:
                pass
            elif header is None:
                header = _check_header(cells, name)
            elif len(cells) != len(header):
                message = f"has {len(cells)} cells, the header has {len(header)}"
                problems.add(Problem(message, file=name, line=number))
            else:
                rows.append((number, dict(zip(header, cells, strict=True))))
            number = reader.line_num + 1
    except csv.Error as error:
        problems.add(Problem(f"not CSV: {error}", file=name, line=number))
    problems.raise_if_any(f"{name}: {problems.count} of its rows cannot be read")
    return rows


def _check_header(cells: list[str], name: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise DataError(
            f"{name}:1: the header names {quote(twice[0])} more than once",
            hint="the first line of a CSV must give each column its own name",
        )
    return header


@contextlib.contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """Lift the csv module's 128 KiB limit: one cell of training text may well be longer."""
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
