"""A block of JSON lines to rows: by Arrow's reader where every line is an ordinary row, line by line where one is not.

Both ways give the same rows. What Arrow would read in another way than Python is recognised first.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forgelm.audit.reading.batch import Problems, ReadBatch, Reason
from forgelm.audit.reading.flat_lines import parse_flat_lines
from forgelm.audit.rows.arrays import Bits, Bytes, Ints, np
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

MOST_NESTED = 200

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKETS = re.compile(rb"[\[\]{}]")


@dataclass(frozen=True)
class _Lines:
    """Where the lines of a block that are not blank begin and end, and which lines they are."""

    data: bytes
    bytes: Bytes
    begins: Ints
    ends: Ints
    numbers: Ints
    count: int


def parse_json_lines(data: bytes) -> ReadBatch:
    """Read whole lines; blank ones hold no row."""
    lines = _find_lines(data)
    if not len(lines.begins):
        return ReadBatch(None, (), lines.count)
    is_ordinary = _are_ordinary(lines)
    flat = parse_flat_lines(lines.data, len(lines.begins)) if is_ordinary else None
    table = flat if flat is not None or not is_ordinary else _parse_table(lines)
    if table is None:
        return _parse_each(lines)
    places = None if len(lines.begins) == lines.count else lines.numbers.astype(np.int32)
    return ReadBatch(table, (), lines.count, places, is_flat=flat is not None)


def _find_lines(data: bytes) -> _Lines:
    view = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(view == 10)
    ends = breaks if not len(data) or data[-1] == 10 else np.append(breaks, len(data))
    begins = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]) if len(ends) else ends
    has_return = (ends > begins) & (view[np.maximum(ends - 1, 0)] == 13) if len(ends) else np.zeros(0, bool)
    trimmed = ends - has_return
    filled = _find_filled(data, view, begins, trimmed)
    return _Lines(data, view, begins[filled], trimmed[filled], np.flatnonzero(filled), len(ends))


def _find_filled(data: bytes, view: Bytes, begins: Ints, ends: Ints) -> Bits:
    """Return which lines hold more than white space; only those that begin with some are looked at one by one."""
    filled = np.asarray(ends > begins)
    if not len(view):
        return filled
    for line in np.flatnonzero(filled & (view[np.minimum(begins, len(view) - 1)] <= 32)).tolist():
        filled[line] = bool(data[begins[line] : ends[line]].strip(b" \t\r"))
    return filled


def _are_ordinary(lines: _Lines) -> bool:
    """Whether all lines begin with { and end with } in UTF-8: if they are as many as rows, each line is one."""
    view = lines.bytes
    return bool((view[lines.begins] == 123).all() and (view[lines.ends - 1] == 125).all()) and _is_utf8(lines)


def _parse_table(lines: _Lines) -> pa.RecordBatch | None:
    """Return ordinary lines as a table, or ``None`` where not every one is a row that Arrow reads as Python does."""
    if not _is_shallow(lines):
        return None
    arrow = load_extra("pyarrow", extra="audit")
    try:
        table = _read(lines.data, None)
        plain = _without_times(table.schema)
        if plain is not None:
            table = _read(lines.data, plain)
        # Lists that begin with several nulls come out of Arrow's reader too short, and say so when asked.
        table.validate()
    except arrow.ArrowInvalid:
        return None
    names = table.schema.names
    if not names or table.num_rows != len(lines.begins) or len(set(names)) < len(names):
        return None
    batches = table.to_batches()
    return batches[0] if len(batches) == 1 else table.combine_chunks().to_batches()[0]


def _read(data: bytes, schema: pa.Schema | None) -> pa.Table:
    reader = load_extra("pyarrow.json", extra="audit")
    arrow = load_extra("pyarrow", extra="audit")
    options = reader.ReadOptions(use_threads=False, block_size=len(data) + 1)
    parsing = reader.ParseOptions(explicit_schema=schema, newlines_in_values=False)
    return reader.read_json(arrow.BufferReader(data), options, parsing)


def _without_times(schema: pa.Schema) -> pa.Schema | None:
    """Return the columns in which Arrow took text for points in time, as text; ``None`` where there are none."""
    arrow = load_extra("pyarrow", extra="audit")
    fields = [arrow.field(field.name, kind) for field in schema if (kind := _as_text(field.type)) is not None]
    return arrow.schema(fields) if fields else None


def _as_text(kind: Any) -> Any:
    types = load_extra("pyarrow", extra="audit")
    if types.types.is_timestamp(kind):
        return types.string()
    if types.types.is_list(kind):
        inner = _as_text(kind.value_type)
        return types.list_(inner) if inner is not None else None
    if types.types.is_struct(kind):
        inner_fields = [(field.name, inner) for field in kind if (inner := _as_text(field.type)) is not None]
        return types.struct(inner_fields) if inner_fields else None
    return None


def _is_utf8(lines: _Lines) -> bool:
    if lines.bytes.max() < 0x80:
        return True
    arrow = load_extra("pyarrow", extra="audit")
    offsets = np.array([0, len(lines.data)], np.int64)
    text = arrow.Array.from_buffers(
        arrow.large_string(), 1, [None, arrow.py_buffer(offsets), arrow.py_buffer(lines.data)]
    )
    try:
        text.validate(full=True)
    except arrow.ArrowInvalid:
        return False
    return True


def _is_shallow(lines: _Lines) -> bool:
    """Whether no line is nested more deeply than Arrow, which calls itself for every level, may be given."""
    if lines.data.count(b"[") + lines.data.count(b"{") - len(lines.begins) < MOST_NESTED:
        return True
    openers = np.flatnonzero((lines.bytes | 32) == 123)
    per_line = np.searchsorted(openers, lines.ends) - np.searchsorted(openers, lines.begins)
    return all(
        _measure_depth(lines.data[lines.begins[line] : lines.ends[line]]) <= MOST_NESTED
        for line in np.flatnonzero(per_line > MOST_NESTED)
    )


def _measure_depth(line: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", line)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _parse_each(lines: _Lines) -> ReadBatch:
    values: list[dict[str, Any]] = []
    kept: list[int] = []
    problems: list[tuple[str, int]] = []
    for begin, end, number in zip(lines.begins.tolist(), lines.ends.tolist(), lines.numbers.tolist(), strict=True):
        value, reasons = parse_line(lines.data[begin:end])
        problems += [(reason, number) for reason in reasons]
        if value is not None:
            values.append(value)
            kept.append(number)
    is_dense = len(kept) == lines.count
    places = None if is_dense else np.array(kept, np.int32)
    return ReadBatch(None, values, lines.count, places, Problems.of(problems))


def parse_line(line: bytes) -> tuple[dict[str, Any] | None, list[Reason]]:
    """Return the object a line holds, or ``None``, and what is wrong with it."""
    reasons: list[Reason] = []
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        reasons.append(Reason.NOT_UTF8)
    try:
        value = json.loads(text)
        is_deep = line.count(b"[") + line.count(b"{") > MOST_NESTED and _measure_depth(line) > MOST_NESTED
    except RecursionError:
        is_deep = True
    except ValueError:
        return None, [*reasons, Reason.NOT_JSON]
    if is_deep:
        return None, [*reasons, Reason.TOO_DEEP]
    if not isinstance(value, dict):
        return None, [*reasons, Reason.NOT_OBJECT]
    if "\\ud" in text or "\\uD" in text:
        mended = mend_surrogates(value)
        if mended != value:
            return mended, [*reasons, Reason.LONE_SURROGATE]
    return value, reasons


def mend_surrogates(value: Any) -> Any:
    """Return ``value`` with halves of surrogate pairs, which have no form in UTF-8, as U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [mend_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {mend_surrogates(key): mend_surrogates(item) for key, item in value.items()}
    return value
