"""Lines of text, JSON documents and rows that a library holds ready, to batches of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from forgelm.audit.reading.batch import Problems, ReadBatch, Reason
from forgelm.audit.reading.json_lines import mend_surrogates
from forgelm.audit.reading.source import SourceFile
from forgelm.audit.rows.arrays import np
from forgelm.base.errors import DataError

_ROWS_AT_ONCE = 4096
_SPLIT_KEYS = ("train", "validation", "test", "data")


def parse_text_lines(data: bytes) -> ReadBatch:
    """Read one row a line as ``{"text": line}``; blank lines hold no row."""
    values, kept, problems = [], [], []
    lines = data.split(b"\n")
    count = len(lines) - (not lines[-1])
    for number, line in enumerate(lines[:count]):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            problems.append((Reason.NOT_UTF8, number))
        values.append({"text": text.removesuffix("\r")})
        kept.append(number)
    return ReadBatch(None, values, count, np.array(kept, np.int32), Problems.of(problems))


def parse_document(file: SourceFile) -> Iterator[ReadBatch]:
    """Read a JSON document as a whole: an array of rows, or an object that holds one.

    Raises:
        DataError: it is not JSON, or holds no array of rows.
    """
    if file.open is None:
        raise ValueError(f"{file.name} has no content to read")
    with file.open() as stream:
        data = stream.read()
    try:
        value = json.loads(data.decode("utf-8-sig", "replace"))
    except RecursionError:
        raise DataError(f"{file.name}: nested too deeply to be rows of text") from None
    except ValueError as error:
        raise DataError(f"{file.name}: not JSON: {error}") from None
    if isinstance(value, dict):
        value = next((value[key] for key in _SPLIT_KEYS if isinstance(value.get(key), list)), [value])
    if not isinstance(value, list):
        raise DataError(f"{file.name}: holds no list of rows", hint="write an array of objects")
    yield from parse_rows(value)


def parse_rows(rows: Sequence[Any]) -> Iterator[ReadBatch]:
    """Yield Python values as rows; those that are no objects are counted and left out."""
    numbered = iter(enumerate(rows))
    while part := list(islice(numbered, _ROWS_AT_ONCE)):
        first = part[0][0]
        values, kept, problems = [], [], []
        for number, row in part:
            if not isinstance(row, dict):
                problems.append((Reason.NOT_OBJECT, number - first))
                continue
            mended = mend_surrogates(row)
            if mended != row:
                problems.append((Reason.LONE_SURROGATE, number - first))
            values.append(mended)
            kept.append(number - first)
        yield ReadBatch(None, values, len(part), np.array(kept, np.int32), Problems.of(problems))
