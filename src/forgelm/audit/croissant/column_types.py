"""Values, or the types an Arrow table declares, to the types of columns; what parts of the data show is merged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from types import MappingProxyType
from typing import Any, Literal

from forgelm.base.extras import load_extra

Kind = Literal["null", "boolean", "integer", "number", "text", "date", "datetime", "object", "mixed"]

_FIRST_CELLS = 64
_CELLS: Mapping[Kind, str] = MappingProxyType(
    {
        "boolean": r"[Tt]rue|[Ff]alse|TRUE|FALSE",
        "integer": r"[-+]?(?:0|[1-9][0-9]{0,17})",  # 0049 is no number but a code
        "number": r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?",
    }
)


@dataclass(frozen=True)
class ColumnType:
    """What a column holds: ``kind`` under ``lists`` levels of lists; ``fields`` are those of an object.

    ``null`` is the type of a column in which no value has been seen, ``mixed`` of one whose values differ in type.
    """

    kind: Kind = "null"
    lists: int = 0
    fields: Mapping[str, ColumnType] = field(default_factory=dict)

    def merge(self, other: ColumnType) -> ColumnType:
        """Return the type of values of either type. The order of merging does not matter, but for that of fields."""
        if self.kind == "null":
            return ColumnType(other.kind, max(self.lists, other.lists), other.fields)
        if other.kind == "null":
            return other.merge(self)
        if self.lists != other.lists:
            return ColumnType("mixed")
        if self.kind == other.kind == "object":
            return ColumnType("object", self.lists, merge_columns((self.fields, other.fields)))
        if self.kind == other.kind:
            return self
        if {self.kind, other.kind} == {"integer", "number"}:
            return ColumnType("number", self.lists)
        return ColumnType("mixed")


def merge_columns(parts: Iterable[Mapping[str, ColumnType]]) -> dict[str, ColumnType]:
    """Return the columns of all ``parts``, in the order in which they first appear."""
    merged: dict[str, ColumnType] = {}
    for part in parts:
        for name, found in part.items():
            merged[name] = merged.get(name, ColumnType()).merge(found)
    return merged


def observe_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, ColumnType]:
    """Return the columns that ``rows`` show."""
    return merge_columns({name: observe(value) for name, value in row.items()} for row in rows)


def observe(value: Any) -> ColumnType:
    """Return the type of one value as a JSON, CSV or Parquet reader gives it."""
    if isinstance(value, (list, tuple)):
        inner = reduce(ColumnType.merge, map(observe, value), ColumnType())
        return ColumnType(inner.kind, inner.lists + 1, inner.fields)
    if isinstance(value, Mapping):
        return ColumnType("object", 0, {str(name): observe(item) for name, item in value.items()})
    return ColumnType(_kind_of(value))


def read_arrow_schema(schema: Any) -> dict[str, ColumnType]:
    """Return the columns that a ``pyarrow.Schema`` declares."""
    return {column.name: _read_arrow_type(column.type) for column in schema}


def read_cells(table: Any) -> dict[str, ColumnType]:
    """Return what the cells of a table of texts say, as a CSV file has: numbers and truth values where all are."""
    return {name: _read_cells(table.column(name)) for name in table.schema.names}


def _read_cells(column: Any) -> ColumnType:
    compute = load_extra("pyarrow.compute", extra="audit")
    first = [cell for cell in column.slice(0, _FIRST_CELLS).to_pylist() if cell]
    if first and not any(all(re.fullmatch(shape, cell) for cell in first) for shape in _CELLS.values()):
        return ColumnType("text")
    filled = column.filter(compute.not_equal(column, ""))
    for kind, shape in _CELLS.items():
        if len(filled) and compute.all(compute.match_substring_regex(filled, f"^({shape})$")).as_py():
            return ColumnType(kind)
    return ColumnType("text" if len(filled) else "null")


def _kind_of(value: Any) -> Kind:
    if value is None:
        return "null"
    kinds: tuple[tuple[type, Kind], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "text"),
        (datetime, "datetime"),
        (date, "date"),
    )
    return next((kind for of, kind in kinds if isinstance(value, of)), "mixed")


def _read_arrow_type(arrow: Any) -> ColumnType:
    from pyarrow import types

    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        inner = _read_arrow_type(arrow.value_type)
        return ColumnType(inner.kind, inner.lists + 1, inner.fields)
    if types.is_struct(arrow):
        return ColumnType("object", 0, {inner.name: _read_arrow_type(inner.type) for inner in arrow})
    if types.is_dictionary(arrow):
        return _read_arrow_type(arrow.value_type)
    kinds: tuple[tuple[Any, Kind], ...] = (
        (types.is_null, "null"),
        (types.is_boolean, "boolean"),
        (types.is_integer, "integer"),
        (types.is_floating, "number"),
        (types.is_decimal, "number"),
        (types.is_string, "text"),
        (types.is_large_string, "text"),
        (types.is_string_view, "text"),
        (types.is_date, "date"),
        (types.is_timestamp, "datetime"),
    )
    return ColumnType(next((kind for test, kind in kinds if test(arrow)), "mixed"))
