"""All blocks of a source to one state a file, on a Ray cluster (extra ``ray``): the same states as on threads."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from forgelm.audit.reading.source import Block, Source
from forgelm.audit.scan.options import Tools, load_tools
from forgelm.audit.scan.runner import FileState, Gathered, Scan, audit_block
from forgelm.audit.scan.state import PartState
from forgelm.base.errors import ClusterError, DataError
from forgelm.base.extras import load_extra
from forgelm.base.network import quiet_ray

if TYPE_CHECKING:
    import pyarrow as pa

# Content that was read here and is on its way to other machines; of most blocks only the place is sent.
_SENT_BYTES = 1 << 29
_MOST_BLOCKS = 1 << 16
_SECONDS_TO_REACH = 10

Outcome = PartState | DataError | OSError


def scan_on_ray(source: Source, tools: Tools, scan: Scan) -> list[FileState]:
    """Audit every block of every file, wherever Ray runs it; files are read where their blocks are audited.

    Uses the cluster that ``RAY_ADDRESS`` names, else a Ray with ``scan.workers`` processes on this machine, which ends
    with the scan.

    Raises:
        OptionalDependencyError: Ray is not installed.
        ClusterError: the cluster cannot be reached, or was lost.
        DataError: no file could be read, or, in a strict scan, one could not.
    """
    gathered = Gathered(source, tools, scan)
    with cluster(scan.workers) as ray:
        for blocks in _windows(gathered.iterate()):
            _scan_blocks(ray, blocks, gathered)
    return gathered.finish()


def audit_packed(table: pa.Table, shared: bytes) -> pa.Table:
    """Audit a batch of Ray Data: packed blocks in the column ``block``, whose states go into ``state``.

    ``shared`` is the packed options, counter of tokens and index of benchmarks.
    """
    pyarrow = load_extra("pyarrow", extra="audit")
    states = pyarrow.array([_audit(packed, shared) for packed in table["block"].to_pylist()], pyarrow.large_binary())
    return pyarrow.table({"number": table["number"], "state": states})


def _audit(packed: bytes, shared: bytes) -> bytes:
    file, block = pickle.loads(packed)
    outcome: Outcome
    try:
        # Texts are read again where they are needed: they would weigh more than the rest.
        outcome = replace(audit_block(file, block, _load_tools(shared)), texts=())
    except (DataError, OSError) as error:
        outcome = error
    return pickle.dumps(outcome)


@cache
def _load_tools(shared: bytes) -> Tools:
    """Compile the tools once in a process of the cluster."""
    options, count_tokens, benchmarks = pickle.loads(shared)
    return load_tools(options, count_tokens=count_tokens, benchmarks=benchmarks)


def _scan_blocks(ray: Any, blocks: list[Block], gathered: Gathered) -> None:
    """Hand the blocks to Ray, but for those whose states are remembered, and take all states in their order."""
    scan, files = gathered.scan, gathered.source.files
    arrived: dict[int, Outcome] = {}
    for number, block in enumerate(blocks):
        if scan.recall is not None and (known := scan.recall(files[block.file], block)) is not None:
            arrived[number] = known
    remembered = set(arrived)
    taken = 0
    for number, outcome in _run(ray, blocks, remembered, gathered):
        arrived[number] = outcome
        if scan.remember is not None and isinstance(outcome, PartState):
            scan.remember(files[blocks[number].file], blocks[number], outcome)
        taken = _take_ready(blocks, arrived, taken, gathered)
    _take_ready(blocks, arrived, taken, gathered)


def _take_ready(blocks: list[Block], arrived: dict[int, Outcome], taken: int, gathered: Gathered) -> int:
    while taken in arrived:
        gathered.take(blocks[taken], partial(_state_of, arrived.pop(taken)))
        taken += 1
    return taken


def _state_of(outcome: Outcome) -> PartState:
    if isinstance(outcome, PartState):
        return outcome
    raise outcome


def _run(ray: Any, blocks: list[Block], known: set[int], gathered: Gathered) -> Iterator[tuple[int, Outcome]]:
    """Yield the numbers of blocks and what became of them, as they come back."""
    numbers = [number for number in range(len(blocks)) if number not in known]
    if not numbers:
        return
    tools, files = gathered.tools, gathered.source.files
    pack = load_extra("ray.cloudpickle", extra="ray").dumps
    shared = pack((tools.options, tools.count_tokens, tools.benchmarks))
    # A file's ready rows travel in its blocks.
    packed = [pack((replace(files[blocks[number].file], rows=()), blocks[number])) for number in numbers]
    pyarrow = load_extra("pyarrow", extra="audit")
    table = pyarrow.table({"number": numbers, "block": pyarrow.array(packed, pyarrow.large_binary())})
    try:
        asked = ray.data.from_arrow([table.slice(row, 1) for row in range(len(numbers))])
        answered = asked.map_batches(audit_packed, batch_format="pyarrow", batch_size=1, fn_kwargs={"shared": shared})
        for batch in answered.iter_batches(batch_format="pyarrow", batch_size=None):
            yield from zip(batch["number"].to_pylist(), map(pickle.loads, batch["state"].to_pylist()), strict=True)
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"the audit was lost on the Ray cluster: {str(error).strip().splitlines()[-1]}",
            hint="look at its nodes with 'ray status', then run the same command again",
        ) from error


def _windows(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield as many blocks as are sent at once."""
    window: list[Block] = []
    size = 0
    for block in blocks:
        window.append(block)
        size += len(block.data or b"") or (block.end - block.begin if block.batches else 0)
        if size > _SENT_BYTES or len(window) == _MOST_BLOCKS:
            yield window
            window, size = [], 0
    if window:
        yield window


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """Connect to the caller's Ray, to the one at ``RAY_ADDRESS``, or to a new one on this machine."""
    address = os.environ.get("RAY_ADDRESS")
    with quiet_ray(alone=not address):
        ray = load_extra("ray", extra="ray")
        load_extra("ray.data", extra="ray")
        is_ours = not ray.is_initialized()
        if is_ours:
            connect(ray, address, workers)
        context = ray.data.DataContext.get_current()
        shown, context.enable_progress_bars = context.enable_progress_bars, False
        try:
            yield ray
        finally:
            context.enable_progress_bars = shown
            if is_ours:
                ray.shutdown()


def connect(ray: Any, address: str | None, workers: int) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        options |= {"num_cpus": workers, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        _reach(address or "")
        ray.init(address or "local", **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise ClusterError(
            f"no Ray cluster answers at {address}: {error}" if address else f"Ray does not start here: {error}",
            hint="start one with 'ray start --head', or leave RAY_ADDRESS unset to use this machine",
        ) from error


def _reach(address: str) -> None:
    """Find out in seconds, where Ray would try for minutes, whether anything listens there.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_REACH).close()
