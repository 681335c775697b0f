"""Lines of text, JSON documents and rows that a library holds ready, to batches of rows."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from forgelm.audit.reading.batch import Problems, ReadBatch, Reason
from forgelm.audit.reading.json_lines import mend_surrogates
from forgelm.audit.reading.source import SourceFile
from forgelm.audit.rows.arrays import np
from forgelm.base.errors import DataError
from forgelm.data.problems import join_names

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
    text, is_utf8 = _decode(data)
    try:
        value = json.loads(text)
    except RecursionError:
        raise DataError(f"{file.name}: nested too deeply to be rows of text") from None
    except ValueError as error:
        raise DataError(f"{file.name}: not JSON: {error}") from None
    is_mended = False
    for batch in parse_rows(_find_rows(value, file.name)):
        problems = batch.problems
        if is_utf8 or is_mended:
            yield batch
        else:
            # Which row it was cannot be told: the document is read as a whole.
            yield replace(batch, problems=Problems.of([(Reason.NOT_UTF8, 0)]).merge(problems))
        is_mended = True


def _find_rows(value: Any, name: str) -> list[Any]:
    if isinstance(value, dict):
        held = [key for key in _SPLIT_KEYS if isinstance(value.get(key), list)]
        if len(held) > 1:
            raise DataError(f"{name}: holds several lists of rows: {join_names(held)}", hint="give each its own file")
        return value[held[0]] if held else [value]
    if not isinstance(value, list):
        raise DataError(f"{name}: holds no list of rows", hint="write an array of objects")
    return value


def _decode(data: bytes) -> tuple[str, bool]:
    """Return the text of a document, and whether all of it was UTF-8, or UTF-16 with a mark that says so."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace"), True
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("utf-8-sig", "replace"), False


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
