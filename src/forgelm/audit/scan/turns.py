"""The conversations, pairs and labels of a batch to what is wrong with them, and its prompts to numbers.

Arrow tells the rows that are plainly in order, which most are; only the others are looked at one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.audit.conversations import ALIKE, ROLES, TurnSummary, examine_rows, read_prompt
from forgelm.audit.duplicates.token_sets import compare_texts
from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.rows.arrays import Bits, Ints, TextBatch, Words, from_arrow, np, to_arrow
from forgelm.audit.rows.engine import RowEngine
from forgelm.audit.rows.vectors import digest_rows
from forgelm.base.extras import load_extra
from forgelm.data.tables import drop_filled_nulls

_TURNS = ("messages", "conversations", "prompt", "completion", "chosen", "rejected")
_ANSWERED = frozenset({"messages", "conversations", "chosen", "rejected"})
_OPENED_BY_USER = frozenset({"messages", "conversations", "prompt"})
_CALLS = frozenset({"tool_calls", "function_call"})
_CODES = MappingProxyType({"system": 0, "user": 1, "assistant": 2})
_OTHER = 3
# First bytes of characters that may be white space: all others begin a text that says something.
_MAY_BE_SPACE = np.isin(np.arange(256), [*range(33), 0x7F, 0xC2, 0xE1, 0xE2, 0xE3])


@dataclass(frozen=True)
class _Column:
    """The turns of a column: ``codes`` of their roles, the row each belongs to, and what they say.

    ``begins`` are the first turns of every row, and the number of turns. ``odd`` marks turns that need a closer look.
    """

    begins: Ints
    rows: Ints
    codes: Ints
    texts: TextBatch
    odd: Bits

    def first_of(self, rows: Ints) -> Ints:
        return self.begins[:-1][rows]


def examine_batch(batch: ReadBatch, engine: RowEngine) -> TurnSummary:
    """Return what ``examine_rows`` finds in the rows of ``batch``, a column that is null being none."""
    if batch.table is None:
        return examine_rows((row, _plain(value)) for row, value in enumerate(batch.values))
    names = [name for name in _TURNS if name in batch.table.schema.names]
    has_label = "label" in batch.table.schema.names
    if not names and not has_label:
        return TurnSummary(len(batch))
    columns = {name: _read_column(batch.table.column(name)) for name in names}
    unclear = np.zeros(len(batch), bool)
    for name, column in columns.items():
        unclear |= _mark_unclear(batch.table.column(name), column, name, len(batch))
    if "chosen" in columns and "rejected" in columns:
        unclear |= _mark_alike(batch.table, columns, engine)
    if has_label:
        unclear |= _mark_label(batch.table)
    looked_at = examine_rows(_iterate(batch, np.flatnonzero(unclear)))
    turns: Counter[str] = Counter()
    for column in columns.values():
        if column is not None:
            counts = np.bincount(column.codes[~unclear[column.rows]], minlength=_OTHER + 1).tolist()
            turns.update({role: counts[code] for role, code in _CODES.items() if counts[code]})
    labels = _count_labels(batch.table, ~unclear) if has_label else Counter()
    return looked_at.merge(TurnSummary(int((~unclear).sum()), {}, {}, turns, labels))


def hash_prompts(batch: ReadBatch) -> Words:
    """Return 64 bits for the prompt of every row, the same for the same prompt; 0 where there is none."""
    if batch.table is not None:
        prompts = _join_prompts(batch.table)
        if prompts is not None:
            return digest_rows(prompts)
    rows = (batch.read_row(row) for row in range(len(batch)))
    return digest_rows(TextBatch.from_texts([read_prompt(_plain(row)) for row in rows]))


def _iterate(batch: ReadBatch, rows: Ints) -> Iterator[tuple[int, dict[str, Any]]]:
    if not len(rows) or batch.table is None:
        return
    names = [name for name in (*_TURNS, "label") if name in batch.table.schema.names]
    values = batch.table.select(names).take(to_arrow(rows)).to_pylist()
    yield from ((row, _plain(value)) for row, value in zip(rows.tolist(), values, strict=True))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in drop_filled_nulls(row).items() if value is not None}


def _read_column(array: Any) -> _Column | None:
    """Return the turns of a column of messages, or ``None`` for a column of another kind."""
    arrow = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")
    types = arrow.types
    if not (types.is_list(array.type) or types.is_large_list(array.type)):
        return None
    turns = compute.list_flatten(array)
    if not types.is_struct(turns.type):
        return None
    fields = {field.name: child for field, child in zip(turns.type, turns.flatten(), strict=True)}
    role = [name for name in ("role", "from") if name in fields]
    said = [name for name in ("content", "value") if name in fields]
    if len(role) != 1 or len(said) != 1 or not all(_is_text(fields[name]) for name in (*role, *said)):
        return None
    rows = from_arrow(compute.list_parent_indices(array))
    begins = np.searchsorted(rows, np.arange(len(array) + 1))
    texts = TextBatch.from_arrow(fields[said[0]])
    codes = _read_codes(fields[role[0]])
    odd = (codes == _OTHER) | _mark_blank(texts)
    for name in _CALLS & set(fields):
        odd[from_arrow(compute.indices_nonzero(fields[name].is_valid()))] = True
    return _Column(begins, rows, codes, texts, odd)


def _read_codes(roles: Any) -> Ints:
    if not len(roles):
        return np.zeros(0, np.int64)
    encoded = roles.fill_null("").dictionary_encode()
    codes = [_CODES.get(ROLES.get(name.strip().lower(), ""), _OTHER) for name in encoded.dictionary.to_pylist()]
    return np.array(codes, np.int64)[from_arrow(encoded.indices)]


def _mark_blank(texts: TextBatch) -> Bits:
    """Return which texts say nothing; only those that begin with what may be white space are read."""
    sizes = np.diff(texts.offsets)
    blank = np.asarray(sizes == 0)
    filled = np.flatnonzero(~blank)
    unsure = filled[_MAY_BE_SPACE[texts.buffer[texts.offsets[:-1][filled]]]]
    for row in unsure.tolist():
        blank[row] = not texts[row].strip()
    return blank


def _mark_unclear(array: Any, column: _Column | None, name: str, rows: int) -> Bits:
    """Return the rows in which a column is not plainly in order."""
    compute = load_extra("pyarrow.compute", extra="audit")
    if column is None:
        if not _is_text(array):
            return np.ones(rows, bool)
        unclear = _mark_blank(TextBatch.from_arrow(array))
        unclear[_nulls(array)] = name in ("chosen", "rejected")
        return unclear
    unclear = np.zeros(rows, bool)
    unclear[column.rows[column.odd | _mark_out_of_order(column, name)]] = True
    sizes = np.diff(column.begins)
    filled = np.flatnonzero(sizes)
    if name in _ANSWERED:
        unclear[filled[column.codes[column.begins[1:][filled] - 1] != _CODES["assistant"]]] = True
    is_there = np.zeros(rows, bool)
    is_there[from_arrow(compute.indices_nonzero(array.is_valid()))] = True
    unclear |= (sizes == 0) & (is_there | (name in ("chosen", "rejected")))
    return unclear


def _mark_out_of_order(column: _Column, name: str) -> Bits:
    """Return the turns that do not follow from those before: after an opening system turn, two roles in turn."""
    if not len(column.codes):
        return np.zeros(0, bool)
    first = column.first_of(column.rows)
    within = np.arange(len(column.codes)) - first
    opening = (column.codes[first] == _CODES["system"]).astype(np.int64)
    before = np.roll(column.codes, 1)
    wrong = (within > opening) & (column.codes == before)
    wrong |= (within > 0) & (column.codes == _CODES["system"])
    if name in _OPENED_BY_USER:
        wrong |= (within == opening) & (column.codes == _CODES["assistant"])
    return np.asarray(wrong)


def _mark_alike(table: Any, columns: dict[str, _Column | None], engine: RowEngine) -> Bits:
    """Return the rows whose answers may be the same, or nearly."""
    answers = [_read_answers(table.column(name), columns[name]) for name in ("chosen", "rejected")]
    if answers[0] is None or answers[1] is None:
        return np.ones(table.num_rows, bool)
    return compare_texts(answers[0], answers[1], engine, ALIKE)


def _read_answers(array: Any, column: _Column | None) -> TextBatch | None:
    """Return the text of every answer; of a conversation, what the assistant said last."""
    if column is None:
        return TextBatch.from_arrow(array) if _is_text(array) else None
    last = np.full(len(column.begins) - 1, -1)
    spoken = np.flatnonzero(column.codes == _CODES["assistant"])
    last[column.rows[spoken]] = spoken
    texts = column.texts.to_arrow()
    chosen = texts.take(to_arrow(np.maximum(last, 0))) if len(texts) else None
    if chosen is None or (last < 0).any():
        return TextBatch.from_texts([column.texts[turn] if turn >= 0 else "" for turn in last.tolist()])
    return TextBatch.from_arrow(chosen)


def _mark_label(table: Any) -> Bits:
    """Return the rows of unpaired feedback whose label is neither true nor false."""
    arrow = load_extra("pyarrow", extra="audit")
    label = table.column("label")
    if "completion" not in table.schema.names:
        return np.zeros(table.num_rows, bool)
    if not arrow.types.is_boolean(label.type):
        return np.ones(table.num_rows, bool)
    unclear = np.zeros(table.num_rows, bool)
    unclear[_nulls(label)] = True
    return unclear


def _count_labels(table: Any, counted: Bits) -> Counter[str]:
    arrow = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")
    label = table.column("label")
    if not arrow.types.is_boolean(label.type):
        return Counter()
    true = from_arrow(compute.indices_nonzero(label))
    false = from_arrow(compute.indices_nonzero(compute.invert(label)))
    counts = {"true": int(counted[true].sum()), "false": int(counted[false].sum())}
    return Counter({name: count for name, count in counts.items() if count})


def _join_prompts(table: Any) -> TextBatch | None:
    """Return the prompt of every row, or ``None`` where they must be read one by one."""
    names = table.schema.names
    if "prompt" in names:
        return _join_turns(table.column("prompt"), until_answer=False)
    for name in ("messages", "conversations"):
        if name in names:
            return _join_turns(table.column(name), until_answer=True)
    return None if {"instruction", "input", "User"} & set(names) else TextBatch.from_texts([""] * table.num_rows)


def _join_turns(array: Any, *, until_answer: bool) -> TextBatch | None:
    arrow = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")
    if _is_text(array):
        return None if until_answer or array.null_count else TextBatch.from_arrow(array)
    column = _read_column(array)
    if column is None or array.null_count:
        return None
    taken = np.arange(len(column.codes))
    if until_answer:
        answers = np.concatenate([np.zeros(1, np.int64), np.cumsum(column.codes == _CODES["assistant"])])
        taken = np.flatnonzero(answers[1:] == answers[column.first_of(column.rows)]) if len(taken) else taken
    offsets = np.searchsorted(column.rows[taken], np.arange(len(array) + 1))
    lists = arrow.LargeListArray.from_arrays(to_arrow(offsets), column.texts.to_arrow().take(to_arrow(taken)))
    return TextBatch.from_arrow(compute.binary_join(lists, TextBatch.from_texts(["\0"]).to_arrow()[0]))


def _nulls(array: Any) -> Ints:
    compute = load_extra("pyarrow.compute", extra="audit")
    return from_arrow(compute.indices_nonzero(array.is_null()))


def _is_text(array: Any) -> bool:
    types = load_extra("pyarrow", extra="audit").types
    return bool(types.is_string(array.type) or types.is_large_string(array.type))
