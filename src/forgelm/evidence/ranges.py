"""Walks a log file: from its beginning to its end, or in ranges that several processes walk side by side."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import BinaryIO

from forgelm.evidence.line import LONGEST_LINE
from forgelm.evidence.quick import find_reader
from forgelm.evidence.walk import LogWalk, Problem, Rules, mentions_record

# Larger ones are given back to the system each time, and fetched anew.
_BLOCK = 1 << 17
# A power of two, so that the trees of two ranges are parts of one tree.
_RANGE_LINES = 1 << 15


@dataclass(frozen=True)
class _Range:
    """Bytes ``start`` to ``end`` of the file, which begin behind ``before`` lines."""

    start: int
    end: int
    before: int


def walk_file(stream: BinaryIO, size: int, rules: Rules) -> tuple[LogWalk, int]:
    """Walk the first ``size`` bytes of ``stream`` in constant memory; return what was found and the number of lines.

    The root is a third of the work, so it waits for a line that needs it, unless the log ends with one.
    """
    start = stream.tell()
    if not rules.with_root:
        stream.seek(start + max(0, size - _BLOCK))
        rules = replace(rules, with_root=mentions_record(stream.read(min(size, _BLOCK))))
        stream.seek(start)
    walk, total = _walk(stream, size, LogWalk(rules))
    if walk.needs_root:
        stream.seek(start)
        walk, total = _walk(stream, size, LogWalk(replace(rules, with_root=True)))
    return walk, total


def _walk(stream: BinaryIO, size: int, walk: LogWalk) -> tuple[LogWalk, int]:
    rest, total, reader = b"", 0, find_reader()
    for block in _blocks(stream, size):
        if walk.problem is not None:
            total += block.count(b"\n")
            rest = block[-1:]
            continue
        lines, rest = _whole_lines(rest + block)
        total += len(lines)
        walk.take(lines, reader)
        if walk.needs_root:
            return walk, total
        if walk.problem is None and len(rest) > LONGEST_LINE:
            walk.problem = Problem(walk.number + 1, f"longer than {LONGEST_LINE >> 20} MiB")
    if walk.problem is not None:
        total += rest not in (b"", b"\n")
    elif rest:
        total += 1
        walk.problem = Problem(
            total,
            "incomplete, without its newline: a crash while it was written, or a cut; the next writer keeps its bytes"
            " beside the log and reports them",
        )
    return walk, total


def walk_in_ranges(log: Path, size: int, rules: Rules, workers: int) -> LogWalk | None:
    """Walk ``log`` with ``workers`` processes; ``None`` when it is short, or when anything in it does not hold.

    ``walk_file`` finds out what.
    """
    rules = replace(rules, with_root=True)
    with log.open("rb") as stream:
        ranges = _split(stream, size)
    if len(ranges) < 2:
        return None
    whole: LogWalk | None = None
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for walk in pool.map(_walk_range, repeat(log), ranges, repeat(rules)):
            if whole is None:
                whole = walk
            elif not whole.join(walk):
                pool.shutdown(cancel_futures=True)
                return None
    return whole if whole is not None and whole.problem is None else None


def _walk_range(log: Path, part: _Range, rules: Rules) -> LogWalk:
    walk = LogWalk(rules, part.before)
    rest, reader = b"", find_reader()
    with log.open("rb") as stream:
        stream.seek(part.start)
        for block in _blocks(stream, part.end - part.start):
            lines, rest = _whole_lines(rest + block)
            walk.take(lines, reader)
            if walk.problem is not None or len(rest) > LONGEST_LINE:
                break
    if rest and walk.problem is None:
        walk.problem = Problem(walk.number + 1, "incomplete")
    return walk


def _split(stream: BinaryIO, size: int) -> list[_Range]:
    """Divide the file behind every so many lines."""
    ranges = []
    start = position = lines = 0
    wanted = _RANGE_LINES
    for block in _blocks(stream, size):
        count = block.count(b"\n")
        at = -1
        while lines + count >= wanted:
            passed = block.count(b"\n", 0, at + 1)
            for _ in range(wanted - lines - passed):
                at = block.index(b"\n", at + 1)
            ranges.append(_Range(start, position + at + 1, wanted - _RANGE_LINES))
            start = position + at + 1
            wanted += _RANGE_LINES
        lines += count
        position += len(block)
    if start < size:
        ranges.append(_Range(start, size, wanted - _RANGE_LINES))
    return ranges


def _blocks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    while size > 0 and (block := stream.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _whole_lines(block: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of ``block`` without their newlines, and the beginning of one behind them."""
    # Three times as quick as ``split``, which looks at each byte.
    lines = io.BytesIO(block).readlines()
    rest = b"" if block.endswith(b"\n") else lines.pop()
    return [line[:-1] for line in lines], rest
