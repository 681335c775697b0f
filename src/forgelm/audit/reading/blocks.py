"""Files to blocks, and blocks to rows: ranges of bytes where a file can be entered anywhere, a stream where not."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from forgelm.audit.reading.batch import ReadBatch
from forgelm.audit.reading.json_lines import parse_json_lines
from forgelm.audit.reading.plain import parse_document, parse_rows, parse_text_lines
from forgelm.audit.reading.source import Block, Source, SourceFile
from forgelm.audit.reading.tables import iterate_csv_blocks, iterate_parquet_blocks, read_parquet_block
from forgelm.audit.rows.arrays import Ints, np
from forgelm.base.errors import DataError

BLOCK_BYTES = 4 << 20
_LOOK_AHEAD = 1 << 20
_PARSERS = {"lines": parse_json_lines, "text": parse_text_lines}


def iterate_blocks(source: Source, *, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the blocks of every file in order.

    Raises:
        OSError: a file cannot be opened or read.
    """
    for number, file in enumerate(source.files):
        yield from iterate_file(file, number, block_bytes=block_bytes)


def iterate_file(file: SourceFile, number: int, *, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the blocks of one file, which is file ``number`` of its source."""
    if file.kind == "rows":
        yield from (
            Block(number, part, batches=(batch,))
            for part, batch in enumerate(parse_rows([row for _, row in file.rows]))
        )
    elif file.kind == "document":
        yield from (Block(number, part, batches=(batch,)) for part, batch in enumerate(parse_document(file)))
    elif file.kind == "table":
        yield from iterate_csv_blocks(file, number)
    elif file.kind == "parquet":
        yield from iterate_parquet_blocks(file, number)
    elif file.path is not None and not file.is_utf16:
        size = file.size_bytes or 0
        for part, begin in enumerate(range(0, size, block_bytes)):
            yield Block(number, part, begin, min(begin + block_bytes, size))
    else:
        yield from _stream_blocks(file, number, block_bytes)


def read_block(file: SourceFile, block: Block) -> Iterator[ReadBatch]:
    """Yield the rows of a block.

    Raises:
        OSError: the file cannot be read.
    """
    if block.batches:
        yield from block.batches
    elif file.kind == "parquet":
        yield from read_parquet_block(file, block)
    elif block.data is not None:
        yield _PARSERS[file.kind](block.data)
    else:
        batch = _parse_range(file, block)
        if batch is not None:
            yield batch


def _parse_range(file: SourceFile, block: Block) -> ReadBatch | None:
    begin, data = _read_range(file, block)
    if not data:
        return None
    batch = _PARSERS[file.kind](data)
    return replace(batch, span=(begin, begin + len(data))) if batch.is_flat else batch


def read_lines(file: SourceFile, block: Block) -> list[bytes]:
    """Return the lines of a block of JSON lines or text as they stand in the file, without their ends."""
    data = block.data if block.data is not None else _read_range(file, block)[1]
    return data.removesuffix(b"\n").split(b"\n")


def read_some_lines(file: SourceFile, span: tuple[int, int], count: int, wanted: Ints) -> ReadBatch:
    """Return the rows on the ``wanted`` lines, from 0, of the ``count`` lines of a flat batch's span.

    Raises:
        DataError: the file is not what it was.
        OSError: it cannot be read.
    """
    with _opened(file) as handle:
        data = _read_at(handle, span[0], span[1] - span[0])
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    if len(ends) == count:
        begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        parts = zip(begins[wanted].tolist(), ends[wanted].tolist(), strict=True)
        batch = _PARSERS[file.kind](b"".join(data[begin:end] for begin, end in parts))
        if len(batch) == len(wanted):
            return batch
    raise DataError(f"{file.name} changed while it was being read", hint="wait until it is complete")


@contextmanager
def _opened(file: SourceFile) -> Iterator[int]:
    if file.path is None:
        raise ValueError(f"{file.name} can only be read from its beginning")
    handle = os.open(file.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield handle
    finally:
        os.close(handle)


def _read_range(file: SourceFile, block: Block) -> tuple[int, bytes]:
    """Return the lines that begin in the block, and where: what stands before its first line break is another's."""
    with _opened(file) as handle:
        begin = max(block.begin - 1, 0)
        data = _read_at(handle, begin, block.end - begin)
        if block.begin:
            first = data.find(b"\n") + 1
            if not first:
                return begin, b""
            begin, data = begin + first, data[first:]
        if data and not data.endswith(b"\n"):
            data += _read_to_break(handle, block.end, file.size_bytes or block.end)
    if not block.begin and data.startswith(codecs.BOM_UTF8):
        return len(codecs.BOM_UTF8), data[len(codecs.BOM_UTF8) :]
    return begin, data


def _read_to_break(handle: int, place: int, end: int) -> bytes:
    parts = []
    while place < end:
        part = _read_at(handle, place, min(_LOOK_AHEAD, end - place))
        cut = part.find(b"\n") + 1
        parts.append(part[:cut] if cut else part)
        if cut or not part:
            break
        place += len(part)
    return b"".join(parts)


def _read_at(handle: int, place: int, size: int) -> bytes:
    os.lseek(handle, place, os.SEEK_SET)
    parts = []
    while size > 0 and (part := os.read(handle, size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _stream_blocks(file: SourceFile, number: int, block_bytes: int) -> Iterator[Block]:
    """Read from the beginning and cut after the last line break of every ``block_bytes``."""
    part, rest = 0, b""
    for data in _stream(file, block_bytes):
        rest += data
        cut = rest.rfind(b"\n") + 1
        if cut and len(rest) >= block_bytes:
            yield Block(number, part, data=_without_mark(rest[:cut], part))
            part, rest = part + 1, rest[cut:]
    if rest:
        yield Block(number, part, data=_without_mark(rest, part))


def _without_mark(data: bytes, part: int) -> bytes:
    return data if part else data.removeprefix(codecs.BOM_UTF8)


def _stream(file: SourceFile, size: int) -> Iterator[bytes]:
    if file.open is None:
        raise ValueError(f"{file.name} has no content to read")
    decoder: Any = codecs.getincrementaldecoder("utf-16")("replace") if file.is_utf16 else None
    with file.open() as stream:
        while data := stream.read(size):
            if decoder is not None:
                data = decoder.decode(data).encode("utf-8", "replace")
            yield data
        if decoder is not None:
            yield decoder.decode(b"", True).encode("utf-8", "replace")
