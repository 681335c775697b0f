"""Collects what is wrong with rows and turns it into one error: the first few places, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from forgelm.base.errors import DataError, Problem
from forgelm.base.redact import redact_text
from forgelm.data.rows import counts_lines, name_file

SHOWN = 5
_SNIPPET_CHARACTERS = 40


class RowError(Exception):
    """One row cannot be used. Never leaves this folder: it becomes a line of a ``DataError``."""


class RowProblems:
    """Problems found so far in one dataset; only the first few are kept, all are counted."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[Problem] = []

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self._first) < SHOWN:
            self._first.append(problem)

    def raise_if_any(self, summary: str, *, hint: str | None = None) -> None:
        """Raise a ``DataError`` that says ``summary`` and the first places, or return when nothing was added."""
        if self.count:
            refuse(summary, self._first, more=self.count - len(self._first), hint=hint)


def refuse(summary: str, problems: list[Problem], *, more: int = 0, hint: str | None = None) -> NoReturn:
    """Raise a ``DataError`` whose text lists ``problems`` below ``summary``."""
    lines = [summary, *(f"  {problem}" for problem in problems)]
    if more:
        lines.append(f"  and {more} more")
    raise DataError("\n".join(lines), hint=hint, problems=tuple(problems))


def row_problem(message: str, *, source: str, part: str | None, number: int) -> Problem:
    """Return the problem of one row, placed by line where the file has one row a line."""
    file = name_file(source, part)
    if counts_lines(file):
        return Problem(message, file=file, line=number)
    return Problem(message, path=f"row {number}", file=file)


def describe(value: object) -> str:
    """Name a value's type in words a person uses for data, such as ``a number``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def quote(text: str) -> str:
    """Return the start of ``text`` fit for an error: one line, short, credentials hidden, printable anywhere."""
    short = redact_text(text)[:_SNIPPET_CHARACTERS]
    ellipsis = "…" if len(text) > len(short) else ""
    return repr(short.encode("utf-8", "backslashreplace").decode()) + ellipsis


def join_names(names: Iterable[str], *, limit: int = 12) -> str:
    """Return column or file names as one readable list, cut after ``limit``."""
    shown = [name if name.isprintable() else quote(name) for name in names]
    rest = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {rest} more" if rest > 0 else "")
