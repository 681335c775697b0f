"""The rows of one dataset to the one shape they all have, or an error that shows what was found instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from forgelm.base.errors import DataError, Problem
from forgelm.data.problems import RowProblems, describe, join_names, quote, refuse, row_problem
from forgelm.data.rows import Row
from forgelm.data.shapes import SHAPES, Raw, Shape

SFT = "sft"
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


def detect(rows: Sequence[Row], name: str, *, config_format: str, mapped: frozenset[str], trainer: str = SFT) -> Match:
    """Return the shape that every row has. ``mapped`` holds the columns that the user assigned.

    Where a row fits several shapes, one that ``trainer`` can train on is taken.

    Raises:
        DataError: rows that are no objects, rows of several shapes, of none, or of one that other trainers use.
    """
    _check_objects(rows, name)
    shapes = tuple(shape for shape in SHAPES if config_format == "auto" or config_format in shape.config_names)
    if trainer != SFT:
        # Every row with a reply would do for SFT as well: what the other trainers need is looked for first.
        shapes = tuple(sorted(shapes, key=lambda shape: trainer not in shape.trainers))
    usable = tuple(shape for shape in shapes if mapped <= shape.parts())
    if not usable:
        raise DataError(
            f"data.columns assigns {join_names(sorted(mapped))}, which belong to no one shape",
            hint=_list_shapes(shapes, trainer),
        )
    groups = _group(rows, usable, trainer)
    hint = _list_shapes(shapes, trainer)
    if len(groups) > 1:
        _refuse_mixed(groups, name, hint)
    found = groups[0]
    if found.match is None:
        _refuse_unknown(found, name, config_format, hint)
    if trainer not in found.match.shape.trainers:
        _refuse_other_trainer(found.match, name, hint)
    return found.match


def _check_objects(rows: Sequence[Row], name: str) -> None:
    problems = RowProblems()
    for row in rows:
        if not isinstance(row.value, dict):
            message = f"a row must be an object with columns, found {describe(row.value)}"
            problems.add(row_problem(message, source=row.source, part=row.part, number=row.number))
    problems.raise_if_any(f"{name}: {problems.count} of its {len(rows)} rows are no objects")


def _group(rows: Sequence[Row], shapes: tuple[Shape, ...], trainer: str) -> list[_Group]:
    matches: dict[tuple[str, ...], tuple[Match, ...]] = {}
    groups: dict[object, _Group] = {}
    for row in rows:
        match = _match_row(row.value, shapes, matches, trainer)
        key = (match.shape.label, match.columns) if match else tuple(sorted(row.value))
        groups.setdefault(key, _Group(match, row)).count += 1
    return list(groups.values())


def _match_row(
    row: Raw, shapes: tuple[Shape, ...], known: dict[tuple[str, ...], tuple[Match, ...]], trainer: str
) -> Match | None:
    """Return the first shape that fits the filled cells; empty ones count when nothing to train on fits without."""
    filled = tuple(column for column, value in row.items() if value is not None)
    best = None
    for keys in (filled, tuple(row)):
        if keys not in known:
            known[keys] = tuple(_match_columns(keys, shapes))
        match = next((item for item in known[keys] if _fits(item.shape, row, trainer)), None)
        if match is not None and trainer in match.shape.trainers:
            return match
        best = match or best
    return best


def _fits(shape: Shape, row: Raw, trainer: str) -> bool:
    # A trainer that wants a label refuses a wrong one by name; only for the others must it look like one.
    own = trainer != SFT and trainer in shape.trainers
    return shape.when is None or own or shape.when(row)


def _match_columns(keys: tuple[str, ...], shapes: tuple[Shape, ...]) -> Iterator[Match]:
    present = set(keys)
    for shape in shapes:
        columns = tuple((part, next((name for name in names if name in present), "")) for part, names in shape.needs)
        if all(column for _, column in columns):
            yield Match(shape, columns)


def _refuse_mixed(groups: list[_Group], name: str, hint: str) -> NoReturn:
    problems = [_show_group(group) for group in groups[:_SHOWN_SHAPES]]
    summary = f"{name}: the rows do not all have one shape; the first row of each:"
    refuse(summary, problems, more=len(groups) - len(problems), hint=hint)


def _show_group(group: _Group) -> Problem:
    row = group.first
    columns = join_names(map(quote, row.value)) or "no columns"
    label = group.match.shape.label if group.match else "not recognised"
    rows = "1 row" if group.count == 1 else f"{group.count} rows"
    message = f"{label}, with columns {columns} ({rows})"
    return row_problem(message, source=row.source, part=row.part, number=row.number)


def _refuse_unknown(group: _Group, name: str, config_format: str, hint: str) -> NoReturn:
    columns = join_names(map(quote, group.first.value)) or "none"
    asked = "" if config_format == "auto" else f" as data.format {config_format}"
    raise DataError(
        f"{name}: the columns are not recognised{asked} (found: {columns})",
        hint=f"name them with data.columns, such as {{prompt: <a column>, completion: <a column>}}; {hint}",
    )


def _refuse_other_trainer(match: Match, name: str, hint: str) -> NoReturn:
    *most, last = match.shape.trainers
    trainers = f"{', '.join(most)} or {last}" if most else last
    columns = "/".join(column for _, column in match.columns)
    raise DataError(
        f"{name}: this looks like {match.shape.label} data ({columns}), "
        f"which training.trainer_type {trainers} trains on",
        hint=f"to train on other columns of it, set data.format and data.columns. {hint}",
    )


def _list_shapes(shapes: tuple[Shape, ...], trainer: str) -> str:
    own = [shape for shape in shapes if trainer in shape.trainers and (shape.when is None or trainer != SFT)]
    shown = [f"{shape.label} ({shape.needed})" for shape in own]
    return f"shapes that {trainer} can train on, with their columns: " + "; ".join(shown)
