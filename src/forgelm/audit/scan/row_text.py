"""The texts of a row to the one text that its length, language, quality and duplicates are judged by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from forgelm.audit.rows.arrays import TextBatch, from_arrow, np, to_arrow
from forgelm.audit.scan.leaves import Leaves, TextColumn, top_of
from forgelm.base.extras import load_extra

if TYPE_CHECKING:
    import pyarrow as pa

# The columns of every shape that can be trained on, in the order in which a model would read them.
TRAINING_COLUMNS = (
    "system", "System", "instruction", "input", "history", "question", "User", "user", "prompt", "conversations",
    "conversation", "messages", "text", "content", "chosen", "rejected", "completion", "response", "output", "answer",
    "Assistant", "assistant",
)  # fmt: skip

# What is said inside a conversation, not who says it or with which tool.
_SAID = re.compile(r"(?:\[\])*(?:\[\]\.(?:content|value)(?:\[\](?:\.text)?)?)?")


def choose_text_columns(leaves: Leaves) -> list[TextColumn]:
    """Return the columns a model would be trained on, in reading order; all of them where none has a known name."""
    ranked = [
        (TRAINING_COLUMNS.index(top), place, column)
        for place, column in enumerate(leaves.texts)
        if (top := top_of(column.path, TRAINING_COLUMNS)) in TRAINING_COLUMNS and _SAID.fullmatch(column.path, len(top))
    ]
    return [column for _, _, column in sorted(ranked, key=lambda item: item[:2])] or list(leaves.texts)


def join_row_texts(leaves: Leaves) -> pa.LargeStringArray:
    """Return one text a row: those of its training columns that are not empty, joined by line breaks."""
    arrow = load_extra("pyarrow", extra="audit")
    compute = load_extra("pyarrow.compute", extra="audit")
    columns = choose_text_columns(leaves)
    if not columns:
        return TextBatch.from_texts([""] * leaves.count).to_arrow()
    if len(columns) == 1 and len(columns[0].rows) == leaves.count and _is_one_a_row(columns[0]):
        return columns[0].texts
    rows = np.concatenate([column.rows for column in columns])
    texts = arrow.concat_arrays([column.texts for column in columns])
    sizes = from_arrow(compute.binary_length(texts))
    filled = np.flatnonzero(sizes)
    order = filled[np.argsort(rows[filled], kind="stable")]
    offsets = np.searchsorted(rows[order], np.arange(leaves.count + 1))
    lists = arrow.LargeListArray.from_arrays(to_arrow(offsets), texts.take(to_arrow(order)))
    return compute.binary_join(lists, TextBatch.from_texts(["\n"]).to_arrow()[0])


def _is_one_a_row(column: TextColumn) -> Any:
    return (np.diff(column.rows) == 1).all()
