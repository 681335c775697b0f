"""The rows of one dataset to the one shape they all have, or an error that shows what was found instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from forgelm.base.errors import DataError, Problem
from forgelm.data.problems import RowProblems, describe, join_names, quote, refuse, row_problem
from forgelm.data.rows import Row
from forgelm.data.shapes import SHAPES, Raw, Shape

_SHOWN_SHAPES = 3


@dataclass(frozen=True)
class Match:
    """A shape and the columns that hold its parts, as ``(part, column)``."""

    shape: Shape
    columns: tuple[tuple[str, str], ...]


@dataclass
class _Group:
    """Rows of one shape: the first of them and how many there are. ``match`` is ``None`` for unknown shapes."""

    match: Match | None
    first: Row
    count: int = 0


def detect(rows: Sequence[Row], name: str, *, config_format: str, mapped: frozenset[str]) -> Match:
    """Return the shape that every row has. ``mapped`` holds the columns that the user assigned.

    Raises:
        DataError: rows that are no objects, rows of several shapes, of none, or of one that other trainers use.
    """
    _check_objects(rows, name)
    shapes = tuple(shape for shape in SHAPES if config_format == "auto" or config_format in shape.config_names)
    usable = tuple(shape for shape in shapes if mapped <= shape.parts())
    if not usable:
        raise DataError(
            f"data.columns assigns {join_names(sorted(mapped))}, which belong to no one shape",
            hint=_list_shapes(shapes),
        )
    groups = _group(rows, usable)
    if len(groups) > 1:
        _refuse_mixed(groups, name, shapes)
    found = groups[0]
    if found.match is None:
        _refuse_unknown(found, name, config_format, shapes)
    if found.match.shape.trains:
        _refuse_other_trainer(found.match, name)
    return found.match


def _check_objects(rows: Sequence[Row], name: str) -> None:
    problems = RowProblems()
    for row in rows:
        if not isinstance(row.value, dict):
            message = f"a row must be an object with columns, found {describe(row.value)}"
            problems.add(row_problem(message, source=row.source, part=row.part, number=row.number))
    problems.raise_if_any(f"{name}: {problems.count} of its {len(rows)} rows are no objects")


def _group(rows: Sequence[Row], shapes: tuple[Shape, ...]) -> list[_Group]:
    matches: dict[tuple[str, ...], tuple[Match, ...]] = {}
    groups: dict[object, _Group] = {}
    for row in rows:
        match = _match_row(row.value, shapes, matches)
        key = (match.shape.label, match.columns) if match else tuple(sorted(row.value))
        groups.setdefault(key, _Group(match, row)).count += 1
    return list(groups.values())


def _match_row(row: Raw, shapes: tuple[Shape, ...], known: dict[tuple[str, ...], tuple[Match, ...]]) -> Match | None:
    """Return the first shape that fits the filled cells; empty ones count when nothing to train on fits without."""
    filled = tuple(column for column, value in row.items() if value is not None)
    best = None
    for keys in (filled, tuple(row)):
        if keys not in known:
            known[keys] = tuple(_match_columns(keys, shapes))
        match = next((item for item in known[keys] if item.shape.when is None or item.shape.when(row)), None)
        if match is not None and not match.shape.trains:
            return match
        best = match or best
    return best


def _match_columns(keys: tuple[str, ...], shapes: tuple[Shape, ...]) -> Iterator[Match]:
    present = set(keys)
    for shape in shapes:
        columns = tuple((part, next((name for name in names if name in present), "")) for part, names in shape.needs)
        if all(column for _, column in columns):
            yield Match(shape, columns)


def _refuse_mixed(groups: list[_Group], name: str, shapes: tuple[Shape, ...]) -> NoReturn:
    problems = [_show_group(group) for group in groups[:_SHOWN_SHAPES]]
    summary = f"{name}: the rows do not all have one shape; the first row of each:"
    refuse(summary, problems, more=len(groups) - len(problems), hint=_list_shapes(shapes))


def _show_group(group: _Group) -> Problem:
    row = group.first
    columns = join_names(map(quote, row.value)) or "no columns"
    label = group.match.shape.label if group.match else "not recognised"
    rows = "1 row" if group.count == 1 else f"{group.count} rows"
    message = f"{label}, with columns {columns} ({rows})"
    return row_problem(message, source=row.source, part=row.part, number=row.number)


def _refuse_unknown(group: _Group, name: str, config_format: str, shapes: tuple[Shape, ...]) -> NoReturn:
    columns = join_names(map(quote, group.first.value)) or "none"
    asked = "" if config_format == "auto" else f" as data.format {config_format}"
    raise DataError(
        f"{name}: the columns are not recognised{asked} (found: {columns})",
        hint=f"name them with data.columns, such as {{prompt: <a column>, completion: <a column>}}; "
        f"{_list_shapes(shapes)}",
    )


def _refuse_other_trainer(match: Match, name: str) -> NoReturn:
    columns = "/".join(column for _, column in match.columns)
    raise DataError(
        f"{name}: this looks like {match.shape.label} data ({columns}), "
        f"which training.trainer_type {match.shape.trains} trains on",
        hint="to train on other columns of it, set data.format and data.columns. " + _list_shapes(SHAPES),
    )


def _list_shapes(shapes: tuple[Shape, ...]) -> str:
    shown = [f"{shape.label} ({shape.needed})" for shape in shapes if not shape.trains and shape.when is None]
    return "shapes that can be trained on, with their columns: " + "; ".join(shown)
