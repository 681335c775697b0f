"""CSV and Parquet files to batches of rows, as Arrow reads them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any

from forgelm.audit.reading.batch import Problems, ReadBatch, Reason
from forgelm.audit.reading.source import Block, SourceFile
from forgelm.audit.rows.arrays import np
from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra

_DELIMITERS = (",", ";", "\t")
_PARQUET_ROWS = 8192
_CSV_BYTES = 4 << 20
_HEADER_BYTES = 1 << 20


def iterate_csv_blocks(file: SourceFile, number: int) -> Iterator[Block]:
    """Read a table with a header; every cell is the text it is. Rows with another number of cells are counted.

    Raises:
        DataError: the header is missing or names a column twice, or the file is not CSV.
    """
    arrow = load_extra("pyarrow", extra="audit")
    reader = load_extra("pyarrow.csv", extra="audit")
    mended = _open_text(file)
    with io.BufferedReader(mended, buffer_size=_HEADER_BYTES) as stream:
        head = stream.peek(_HEADER_BYTES)
        delimiter = _find_delimiter(head)
        header = _read_header(head, delimiter, file.name)
        wrong: list[int] = []
        part = -1

        def note_wrong(row: Any) -> str:
            wrong.append(0)
            return "skip"

        try:
            batches = reader.open_csv(
                stream,
                reader.ReadOptions(use_threads=False, block_size=_CSV_BYTES),
                reader.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note_wrong),
                reader.ConvertOptions(
                    column_types={name: arrow.string() for name in header}, strings_can_be_null=False
                ),
            )
            for part, table in enumerate(batches):
                # Arrow does not say before which row a wrong one stood.
                problems = Problems.of((Reason.WRONG_CELLS, place) for place in wrong)
                problems = problems.merge(Problems.of([(Reason.NOT_UTF8, 0)] * mended.take_replaced()))
                yield Block(number, part, batches=(_keep_places(table, len(wrong), problems),))
                wrong.clear()
        except arrow.ArrowException as error:
            raise DataError(f"{file.name}: not CSV: {_first_line(error)}") from error
    if wrong:
        problems = Problems.of((Reason.WRONG_CELLS, place) for place in range(len(wrong)))
        yield Block(number, part + 1, batches=(ReadBatch(None, (), len(wrong), problems=problems),))


def iterate_parquet_blocks(file: SourceFile, number: int) -> Iterator[Block]:
    """Yield a block for every row group.

    Raises:
        DataError: it is not Parquet, or damaged.
    """
    with _open_parquet(file) as parquet:
        groups = parquet.num_row_groups
    for group in range(groups):
        yield Block(number, group, group, group + 1)


def read_parquet_block(file: SourceFile, block: Block) -> Iterator[ReadBatch]:
    """Yield the rows of a row group, a few thousand at a time."""
    arrow = load_extra("pyarrow", extra="audit")
    with _open_parquet(file) as parquet:
        try:
            groups = list(range(block.begin, block.end))
            for batch in parquet.iter_batches(_PARQUET_ROWS, row_groups=groups, use_threads=False):
                yield ReadBatch(batch, (), batch.num_rows)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{file.name}: cannot be read as Parquet: {_first_line(error)}") from error


def _open_parquet(file: SourceFile) -> Any:
    arrow = load_extra("pyarrow", extra="audit")
    parquet = load_extra("pyarrow.parquet", extra="audit")
    try:
        opened = parquet.ParquetFile(file.path if file.path is not None else file.open() if file.open else None)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: cannot be read as Parquet: {_first_line(error)}") from error
    names = opened.schema_arrow.names
    if len(set(names)) < len(names):
        raise DataError(f"{file.name}: two columns have the same name")
    return opened


def _keep_places(table: Any, wrong: int, problems: Problems) -> ReadBatch:
    """Return the rows of a table before which ``wrong`` others were left out."""
    lines = np.arange(wrong, wrong + table.num_rows, dtype=np.int32) if wrong else None
    return ReadBatch(table, (), table.num_rows + wrong, lines, problems, cells=True)


def _open_text(file: SourceFile) -> _Mended:
    if file.open is None:
        raise ValueError(f"{file.name} has no content to read")
    return _Mended(file.open(), "utf-16" if file.is_utf16 else "utf-8-sig")


class _Mended(io.RawIOBase):
    """A stream of UTF-8 without a byte order mark, in which what cannot be read in the ``encoding`` is U+FFFD."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""
        self._ended = False
        self._replaced = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            data = self._stream.read(_CSV_BYTES)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
            self._replaced += text.count("\ufffd") - data.count("\ufffd".encode())
            self._ready = text.encode()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def take_replaced(self) -> int:
        """Return how many times something was replaced since this was last asked."""
        count, self._replaced = max(self._replaced, 0), 0
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def _find_delimiter(head: bytes) -> str:
    first = head.lstrip(b"\r\n").partition(b"\n")[0].decode("utf-8", "replace")
    return next((mark for mark in _DELIMITERS if mark in first), ",")


def _read_header(head: bytes, delimiter: str, name: str) -> list[str]:
    reader = load_extra("csv", extra="audit")
    lines = io.StringIO(head.decode("utf-8", "replace"), newline="")
    header: list[str] | None = next((cells for cells in reader.reader(lines, delimiter=delimiter) if cells), None)
    if header is None:
        raise DataError(f"{name}: holds no rows")
    twice = sorted({cell for cell in header if header.count(cell) > 1})
    if twice:
        raise DataError(
            f"{name}:1: the header names {twice[0]!r} more than once",
            hint="the first line of a CSV must give each column its own name",
        )
    return header


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
