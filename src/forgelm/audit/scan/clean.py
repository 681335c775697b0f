"""A scanned dataset to a copy without its duplicates, and a record of every row left out and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from forgelm.audit.duplicates.clusters import iterate_left_out, mark_kept
from forgelm.audit.duplicates.search import Duplicates
from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.reading.blocks import iterate_file, read_block, read_lines
from forgelm.audit.reading.source import Block, SourceFile
from forgelm.audit.rows.arrays import Bits
from forgelm.audit.scan.places import Places
from forgelm.base.errors import ConfigError, DataError
from forgelm.base.files import replacing
from forgelm.data.tables import drop_filled_nulls

LEFT_OUT_SUFFIX = ".left_out.jsonl"


def check_output(path: Path, inputs: Sequence[SourceFile]) -> None:
    """Make sure that the copy would not replace what it is made from.

    Raises:
        ConfigError: it would, or it is not a JSON lines file.
    """
    if path.suffix.lower() not in (".jsonl", ".ndjson"):
        raise ConfigError(f"{path}: the copy is written as JSON lines", hint="give it a name that ends in .jsonl")
    taken = {target.absolute() for split in {file.split for file in inputs} for target in (path, _target(path, split))}
    for file in inputs:
        if file.path is not None and file.path.absolute() in taken:
            raise ConfigError(f"{path}: is the dataset itself", hint="write the copy somewhere else")


def write_clean(path: Path, places: Places, found: Duplicates) -> list[Path]:
    """Write the rows that repeat no earlier one, a file a split where there are several, and return what was written.

    Lines of JSON stay as they are, to the byte; other rows become JSON. Beside it, ``.left_out.jsonl`` names every
    row that is not there, the one kept in its place, and whether they are the same to the byte.

    Raises:
        DataError: a file is not what it was when it was scanned.
        StorageError: the copy could not be written; what stood there is as it was.
    """
    kept = mark_kept(found)
    written = []
    for split in places.ranges:
        target = path if len(places.ranges) == 1 else _target(path, split)
        with replacing(target) as stream:
            stream.writelines(line + b"\n" for line in _iterate_kept(places, split, kept))
        written.append(target)
    record = path.with_name(path.name + LEFT_OUT_SUFFIX)
    with replacing(record) as stream:
        for left in iterate_left_out(found):
            row, instead = (places.find(found.ranges[one.split].start + one.row) for one in (left.row, left.kept))
            line = {
                "split": row.split,
                "row": row.row,
                "where": row.where,
                "kept_split": instead.split,
                "kept_row": instead.row,
                "kept_where": instead.where,
                "reason": left.reason,
            }
            stream.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    return [*written, record]


def _target(path: Path, split: str) -> Path:
    return path.with_name(f"{path.stem}.{split.replace('/', '_')}{path.suffix}")


def _iterate_kept(places: Places, split: str, kept: Bits) -> Iterator[bytes]:
    begin = 0
    for number, state in enumerate(places.files):
        end = begin + state.state.rows
        if state.file.split == split:
            row = begin
            for block in iterate_file(state.file, number):
                for batch in read_block(state.file, block):
                    if row + len(batch) > end:
                        raise DataError(f"{state.file.name} changed while it was being read")
                    yield from _lines_of(state.file, block, batch, kept[row : row + len(batch)])
                    row += len(batch)
        begin = end


def _lines_of(file: SourceFile, block: Block, batch: ReadBatch, kept: Bits) -> Iterator[bytes]:
    rows = [row for row, is_kept in enumerate(kept.tolist()) if is_kept]
    if file.kind == "lines":
        lines = read_lines(file, block)
        yield from (lines[batch.line_of(row)].removesuffix(b"\r") for row in rows)
        return
    values = batch.table.to_pylist() if batch.table is not None else batch.values
    for row in rows:
        value: dict[str, Any] = drop_filled_nulls(values[row])
        yield json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")
