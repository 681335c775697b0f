"""Rows to every text in them, gathered by where it stands (``messages[].content``), as Arrow arrays."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.rows.arrays import Ints, TextBatch, from_arrow, np
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TextColumn:
    """All texts at one path: text ``i`` stands in row ``rows[i]``; ``rows`` ascend, and no text is null."""

    path: str
    rows: Ints
    texts: pa.LargeStringArray


@dataclass(frozen=True)
class ColumnFacts:
    """Of one top-level column or text path: how many rows have it, and how many values of each kind were met."""

    filled: int
    kinds: Counter[str]

    def merge(self, other: ColumnFacts) -> ColumnFacts:
        return ColumnFacts(self.filled + other.filled, self.kinds + other.kinds)


@dataclass(frozen=True)
class Leaves:
    """The texts of ``count`` rows, in the order of the columns ``names``, and facts on those and on texts inside.

    What was excluded by name is among the facts wherever a row has it, text or not.
    """

    count: int
    texts: tuple[TextColumn, ...]
    columns: dict[str, ColumnFacts]
    names: tuple[str, ...]


def read_leaves(batch: ReadBatch, excluded: frozenset[str] = frozenset()) -> Leaves:
    """Gather the texts of a batch but those at, or below, the paths in ``excluded``."""
    if batch.table is None:
        return _from_values(batch.values, excluded)
    found: list[TextColumn] = []
    columns: dict[str, ColumnFacts] = {}
    left_out: dict[str, ColumnFacts] = {}
    everything = np.arange(len(batch))
    for field, array in zip(batch.table.schema, batch.table.columns, strict=True):
        kinds = (
            Counter({_name_kind(array.type): len(array) - array.null_count}) if array.null_count < len(array) else {}
        )
        columns[field.name] = ColumnFacts(len(array) - array.null_count, Counter(kinds))
        if field.name not in excluded:
            _walk(array, everything, field.name, excluded, found, left_out)
    return Leaves(len(batch), tuple(found), columns | left_out | _describe_texts(found, columns), tuple(columns))


def walk_texts(row: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield ``(path, place, text)`` of every text of a row: ``a[].b`` at ``a[2].b``."""
    for name, value in row.items():
        yield from _walk_value(value, name, name)


def _walk_value(value: Any, path: str, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield path, place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk_value(item, f"{path}.{key}", f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _walk_value(item, f"{path}[]", f"{place}[{number}]")


def is_excluded(path: str, excluded: frozenset[str]) -> bool:
    """Whether ``path`` is one of ``excluded`` or stands below one."""
    return any(path == name or path.startswith((f"{name}.", f"{name}[")) for name in excluded)


def _from_values(values: Sequence[dict[str, Any]], excluded: frozenset[str]) -> Leaves:
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for number, row in enumerate(values):
        for name, value in row.items():
            kinds[name].update([_name_value(value)] if value is not None else ())
        for path, _, text in walk_texts(row):
            rows[path].append(number)
            texts[path].append(text)
    columns = {name: ColumnFacts(count.total(), count) for name, count in kinds.items()}
    found = [
        TextColumn(path, np.array(rows[path], np.int64), TextBatch.from_texts(texts[path]).to_arrow())
        for path in texts
        if not is_excluded(path, excluded)
    ]
    order = {name: place for place, name in enumerate(columns)}
    found.sort(key=lambda column: order[top_of(column.path, order)])
    facts = columns | _find_excluded(values, excluded) | _describe_texts(found, columns)
    return Leaves(len(values), tuple(found), facts, tuple(columns))


def _find_excluded(values: Sequence[dict[str, Any]], excluded: frozenset[str]) -> dict[str, ColumnFacts]:
    """Return the facts on what stands at the paths in ``excluded``, but for what stands below another of them."""
    facts: dict[str, ColumnFacts] = {}
    for row in values if excluded else ():
        kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for path, value in _walk_to(row, "", excluded):
            kinds[path].update([_name_value(value)] if value is not None else ())
        for path, count in kinds.items():
            facts[path] = facts.get(path, ColumnFacts(0, Counter())).merge(ColumnFacts(int(bool(count)), count))
    return facts


def _walk_to(value: Any, path: str, wanted: frozenset[str]) -> Iterator[tuple[str, Any]]:
    if path in wanted:
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk_to(item, f"{path}.{key}" if path else key, wanted)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk_to(item, f"{path}[]", wanted)


def top_of(path: str, names: Any) -> str:
    """Return the top-level column of ``path``, whose name may itself hold dots and brackets."""
    if path in names:
        return path
    ends = [place for place, letter in enumerate(path) if letter in ".["]
    return next((path[:end] for end in ends if path[:end] in names), path)


def _walk(
    array: Any,
    rows: Ints,
    path: str,
    excluded: frozenset[str],
    found: list[TextColumn],
    left_out: dict[str, ColumnFacts],
) -> None:
    arrow = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")
    kind, types = array.type, arrow.types
    if path in excluded:
        filled = rows[from_arrow(compute.indices_nonzero(array.is_valid()))]
        kinds = Counter({_name_kind(kind): len(filled)} if len(filled) else {})
        left_out[path] = ColumnFacts(_count_distinct(filled), kinds)
    elif isinstance(kind, arrow.BaseExtensionType):
        _walk(array.storage, rows, path, excluded, found, left_out)
    elif types.is_dictionary(kind):
        _walk(array.dictionary_decode(), rows, path, excluded, found, left_out)
    elif _is_text(kind):
        if array.null_count:
            rows, array = rows[from_arrow(compute.indices_nonzero(array.is_valid()))], array.drop_null()
        if len(array):
            found.append(TextColumn(path, rows, array.cast(arrow.large_string())))
    elif types.is_map(kind):
        # A map's keys are those of a JSON object that Arrow could not give every row.
        _walk(compute.cast(array, arrow.list_(arrow.struct([("key", kind.key_type), ("value", kind.item_type)]))),
              rows, path, excluded, found, left_out)  # fmt: skip
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        parents = from_arrow(compute.list_parent_indices(array))
        _walk(compute.list_flatten(array), rows[parents], f"{path}[]", excluded, found, left_out)
    elif types.is_struct(kind):
        for field, child in zip(kind, array.flatten(), strict=True):
            _walk(child, rows, f"{path}.{field.name}", excluded, found, left_out)


def _describe_texts(found: list[TextColumn], known: dict[str, ColumnFacts]) -> dict[str, ColumnFacts]:
    return {
        column.path: ColumnFacts(_count_distinct(column.rows), Counter({"text": len(column.rows)}))
        for column in found
        if column.path not in known
    }


def _count_distinct(ascending: Ints) -> int:
    return int(np.count_nonzero(np.diff(ascending))) + min(len(ascending), 1)


def _is_text(kind: Any) -> bool:
    types = load_extra("pyarrow", extra="audit").types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _name_kind(kind: Any) -> str:
    arrow = load_extra("pyarrow", extra="audit")
    types = arrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    names = (
        (_is_text, "text"),
        (types.is_boolean, "boolean"),
        (lambda one: types.is_integer(one) or types.is_floating(one) or types.is_decimal(one), "number"),
        (lambda one: types.is_list(one) or types.is_large_list(one) or types.is_fixed_size_list(one), "list"),
        (lambda one: types.is_struct(one) or types.is_map(one), "object"),
    )
    return next((name for fits, name in names if fits(kind)), str(kind))


def _name_value(value: Any) -> str:
    names = ((bool, "boolean"), (str, "text"), (int | float, "number"), (list, "list"), (dict, "object"))
    return next((name for kind, name in names if isinstance(value, kind)), type(value).__name__)
