"""All blocks of a source to one state a file, on threads of this machine; the same state for any number of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from forgelm.audit.reading.blocks import BLOCK_BYTES, iterate_file, read_block
from forgelm.audit.reading.source import Block, Source, SourceFile
from forgelm.audit.scan.block import audit_batch
from forgelm.audit.scan.options import Tools
from forgelm.audit.scan.state import PartState, join_states
from forgelm.base.errors import DataError

TEXT_BYTES_KEPT = 72 << 20

_BLOCK_STEP = 1 << 24  # more rows than a block can hold
_FILE_STEP = 1 << 44


@dataclass(frozen=True)
class Progress:
    """How far a scan is. ``done`` and ``total`` count bytes of files; ``total`` is ``None`` where that is not known."""

    rows: int
    done: int
    total: int | None
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class FileState:
    """What is known of one file; ``error`` says why it could not be read, to its end or at all."""

    file: SourceFile
    state: PartState
    error: str | None = None


@dataclass(frozen=True)
class Scan:
    """How a scan is run: nothing here changes its result.

    ``listen`` hears of the progress; ``check`` may raise to stop, between blocks or, on the thread that works on one,
    within it. A strict scan ends at the first file that cannot be read. Texts are kept in memory where they look like
    fitting into ``text_bytes``; beyond, they are read again when needed.
    """

    workers: int = 1
    strict: bool = False
    listen: Callable[[Progress], None] | None = None
    check: Callable[[], None] | None = None
    text_bytes: int = TEXT_BYTES_KEPT
    block_bytes: int = BLOCK_BYTES
    recall: Callable[[SourceFile, Block], PartState | None] | None = None
    remember: Callable[[SourceFile, Block, PartState], None] | None = None


Taken: TypeAlias = tuple[Block, PartState]


def scan_source(source: Source, tools: Tools, scan: Scan) -> list[FileState]:
    """Audit every block of every file.

    Raises:
        DataError: no file could be read, or, in a strict scan, one could not.
    """
    gathered = Gathered(source, tools, scan)
    with ThreadPoolExecutor(scan.workers, thread_name_prefix="forgelm-audit") as pool:
        waiting: deque[tuple[Block, Future[PartState]]] = deque()
        try:
            for block in gathered.iterate():
                waiting.append((block, pool.submit(_audit_block, source.files[block.file], block, tools, scan)))
                if len(waiting) > scan.workers + 1:
                    _take_next(gathered, waiting)
            while waiting:
                _take_next(gathered, waiting)
        finally:
            for _, future in waiting:
                future.cancel()
    return gathered.finish()


def audit_block(file: SourceFile, block: Block, tools: Tools, look: Callable[[], None] = lambda: None) -> PartState:
    """Return the state of one block: what a runner on any machine calls. ``look`` may raise to stop within it.

    Raises:
        DataError: the block cannot be read.
        OSError: the file cannot be read.
    """
    parts, rows = [], 0
    for batch in read_block(file, block):
        first = block.file * _FILE_STEP + block.number * _BLOCK_STEP + rows
        parts.append(audit_batch(batch, tools, first, look))
        rows += len(batch)
    return join_states(parts, tools.options.findings_shown)


def _audit_block(file: SourceFile, block: Block, tools: Tools, scan: Scan) -> PartState:
    known = scan.recall(file, block) if scan.recall is not None else None
    if known is not None:
        return known
    state = audit_block(file, block, tools, scan.check or (lambda: None))
    if scan.remember is not None:
        scan.remember(file, block, state)
    return state


def _take_next(gathered: Gathered, waiting: deque[tuple[Block, Future[PartState]]]) -> None:
    block, future = waiting.popleft()
    gathered.take(block, future.result)


@dataclass
class Gathered:
    """States as they come in, in order, with the texts that fit and the errors."""

    source: Source
    tools: Tools
    scan: Scan
    states: dict[int, PartState] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    text_bytes: int = 0
    keeps_texts: bool = True
    rows: int = 0
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def iterate(self) -> Iterator[Block]:
        for number, file in enumerate(self.source.files):
            try:
                yield from iterate_file(file, number, block_bytes=self.scan.block_bytes)
            except (DataError, OSError) as error:
                self._note(number, error)

    def take(self, block: Block, outcome: Callable[[], PartState]) -> None:
        """Add the state of the block that follows; ``outcome`` gives it, or raises why there is none."""
        if self.scan.check is not None:
            self.scan.check()
        try:
            state = outcome()
        except (DataError, OSError) as error:
            self._note(block.file, error)
            return
        if block.file in self.errors:
            return
        self.rows += state.rows
        self.done += block.end - block.begin
        state = self._keep_texts(state)
        # Joined at once: what a block's state holds of its sample is much, and little of it stays.
        before = self.states.get(block.file, PartState())
        self.states[block.file] = join_states((before, state), self.tools.options.findings_shown)
        if self.scan.listen is not None:
            self.scan.listen(Progress(self.rows, self.done, self._total(), time.monotonic() - self.began))

    def finish(self) -> list[FileState]:
        if self.errors and len(self.errors) == len(self.source.files):
            raise DataError(self.errors[min(self.errors)])
        return [
            FileState(file, self.states.get(number, PartState()), self.errors.get(number))
            for number, file in enumerate(self.source.files)
        ]

    def _keep_texts(self, state: PartState) -> PartState:
        self.text_bytes += sum(texts.nbytes for texts in state.texts)
        total = self._total()
        share = min(self.done / total, 1) if total and self.done else 1
        # What is given up later was fetched for nothing, which costs more than reading the file again.
        self.keeps_texts &= self.text_bytes <= self.scan.text_bytes * share
        if self.keeps_texts:
            return state
        for number, before in self.states.items():
            self.states[number] = replace(before, texts=())
        return replace(state, texts=())

    def _total(self) -> int | None:
        sizes = [file.size_bytes for file in self.source.files if file.path is not None and file.kind == "lines"]
        return sum(size or 0 for size in sizes) if len(sizes) == len(self.source.files) else None

    def _note(self, number: int, error: Exception) -> None:
        name = self.source.files[number].name
        message = str(error) if isinstance(error, DataError) else f"{name}: cannot be read: {error}"
        if self.scan.strict:
            raise DataError(message) from error
        self.errors.setdefault(number, message)
