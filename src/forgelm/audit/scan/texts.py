"""Row numbers to the texts of those rows: from memory where they were kept, else read again, once, into a file."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, TypeVar

from forgelm.audit.duplicates.token_sets import Fetch
from forgelm.audit.reading.blocks import iterate_file, read_block, read_some_lines
from forgelm.audit.reading.source import Block
from forgelm.audit.rows.arrays import Bits, Ints, TextBatch, np, to_arrow
from forgelm.audit.scan.leaves import read_leaves
from forgelm.audit.scan.row_text import join_row_texts
from forgelm.audit.scan.runner import FileState
from forgelm.audit.scan.state import Stretch
from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.base.files import write_whole

_Read = TypeVar("_Read")


def read_texts(states: Sequence[FileState], wanted: Bits, excluded: frozenset[str], *, workers: int = 1) -> Fetch:
    """Return a way to read the texts of the wanted rows, numbered over all files in their order.

    Raises:
        DataError: a file is not what it was when it was scanned.
    """
    if all(len(state.state.texts) == len(state.state.stretches) for state in states):
        return _Kept([texts for state in states for texts in state.state.texts])
    return _spool(states, wanted, excluded, workers)


class _Kept:
    """Texts in memory, as the arrays they were read in."""

    def __init__(self, arrays: list[Any]) -> None:
        self._arrays = arrays
        self._begins = np.cumsum([0, *(len(texts) for texts in arrays)])

    def __call__(self, rows: Ints) -> TextBatch:
        of_array = np.searchsorted(self._begins, rows, side="right") - 1
        parts = [
            self._arrays[number].take(to_arrow(rows[of_array == number] - self._begins[number]))
            for number in np.unique(of_array).tolist()
        ]
        arrow = load_extra("pyarrow", extra="audit")
        return TextBatch.from_arrow(arrow.concat_arrays(parts)) if parts else TextBatch.from_texts([])


@dataclass(frozen=True)
class _Spooled:
    """Texts of ``rows`` (ascending) one after another in an unnamed file; text ``i`` begins at ``offsets[i]``."""

    stream: BinaryIO
    rows: Ints
    offsets: Ints

    def __call__(self, rows: Ints) -> TextBatch:
        places = np.searchsorted(self.rows, rows)
        begins = self.offsets[places]
        sizes = self.offsets[places + 1] - begins
        parts = zip(begins.tolist(), sizes.tolist(), strict=True)
        return TextBatch.from_bytes([self._read(begin, size) for begin, size in parts])

    def _read(self, begin: int, size: int) -> bytes:
        # Rows lie far apart: a buffer would be filled for each.
        self.stream.seek(begin)
        data = self.stream.read(size)
        while len(data) < size and (more := self.stream.read(size - len(data))):
            data += more
        return data


def _spool(states: Sequence[FileState], wanted: Bits, excluded: frozenset[str], workers: int) -> _Spooled:
    # Without a name it is gone with the process, however that ends. It lives as long as what reads from it.
    stream = tempfile.TemporaryFile(prefix="forgelm-audit-", buffering=0)  # noqa: SIM115
    sizes: list[Ints] = []
    for batch in _read_again(states, wanted, excluded, workers):
        write_whole(stream.fileno(), batch.buffer.tobytes())
        sizes.append(np.diff(batch.offsets))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *sizes]))])
    return _Spooled(stream, np.flatnonzero(wanted), offsets)


def _read_again(
    states: Sequence[FileState], wanted: Bits, excluded: frozenset[str], workers: int
) -> Iterator[TextBatch]:
    end = 0
    for number, state in enumerate(states):
        begin, end = end, end + state.state.rows
        if not wanted[begin:end].any():
            continue
        if all(stretch.span is not None for stretch in state.state.stretches):
            yield from _read_lines_again(state, wanted[begin:end], excluded, workers)
            continue
        for texts in _iterate_texts(state, number, excluded, workers):
            here = np.flatnonzero(wanted[begin : min(begin + len(texts), end)])
            begin += len(texts)
            if len(here):
                yield TextBatch.from_arrow(texts.take(to_arrow(here)))
        if begin != end:
            raise DataError(f"{state.file.name} changed while it was being read", hint="wait until it is complete")


def _read_lines_again(state: FileState, wanted: Bits, excluded: frozenset[str], workers: int) -> Iterator[TextBatch]:
    """Yield the wanted texts of a file of which every line says the same when it is read alone."""

    def read(stretch: Stretch, rows: Ints) -> TextBatch:
        lines = rows if stretch.places is None else stretch.places[rows].astype(np.int64)
        batch = read_some_lines(state.file, stretch.span or (0, 0), stretch.lines, lines)
        return TextBatch.from_arrow(join_row_texts(read_leaves(batch, excluded)))

    def list_reads() -> Iterator[Callable[[], TextBatch]]:
        end = 0
        for stretch in state.state.stretches:
            begin, end = end, end + stretch.rows
            if len(rows := np.flatnonzero(wanted[begin:end])):
                yield partial(read, stretch, rows)

    yield from _read_ahead(list_reads(), workers)


def _iterate_texts(state: FileState, number: int, excluded: frozenset[str], workers: int) -> Iterator[Any]:
    """Yield the texts of all rows of a file in order, an array a batch; threads read ahead."""

    def read(block: Block) -> list[Any]:
        return [join_row_texts(read_leaves(batch, excluded)) for batch in read_block(state.file, block)]

    try:
        for texts in _read_ahead((partial(read, block) for block in iterate_file(state.file, number)), workers):
            yield from texts
    except (DataError, OSError):
        # Where the scan could not go on, the rest cannot be read either; the rows before it were.
        if state.error is None:
            raise


def _read_ahead(reads: Iterable[Callable[[], _Read]], workers: int) -> Iterator[_Read]:
    """Yield what ``reads`` return, in their order; threads are a little ahead."""
    with ThreadPoolExecutor(workers, thread_name_prefix="forgelm-audit") as pool:
        waiting: deque[Future[_Read]] = deque()
        for read in reads:
            waiting.append(pool.submit(read))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
