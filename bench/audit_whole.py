"""The whole audit, from file to report, quality on, against the existing package; and how it grows with the rows."""

from __future__ import annotations

import sys

from bench.corpus import write_corpus
from bench.peer import CORPORA, run_peer, run_task

CASES = ((50_000, 50), (100_000, 100))
GROWN = 1_000_000
_THREADS = 2


def main() -> None:
    print("\nwhole audit, quality on: seconds and peak memory over that of a small audit before it")
    for rows, aim in CASES:
        path = write_corpus(CORPORA / f"rows-{rows}.jsonl", rows)
        ours = {threads: run_task(sys.executable, "audit", path, threads) for threads in (1, _THREADS)}
        peer = run_peer("audit", path)
        for threads, result in ours.items():
            _print(f"{rows:>9,} rows, {threads} threads", result)
        if peer:
            _print(f"{rows:>9,} rows, existing", peer)
            for threads, one in ours.items():
                clock, cpu = (peer[time] / one[time] for time in ("seconds", "cpu_seconds"))
                print(f"  on {threads} threads {clock:.0f} x by the clock, {cpu:.0f} x in CPU time  (target {aim})")
    small = run_task(sys.executable, "audit", CORPORA / f"rows-{CASES[-1][0]}.jsonl", _THREADS)
    large = run_task(sys.executable, "audit", write_corpus(CORPORA / f"rows-{GROWN}.jsonl", GROWN), _THREADS)
    _print(f"{GROWN:>9,} rows, {_THREADS} threads", large)
    clock, cpu = (large[time] / small[time] for time in ("seconds", "cpu_seconds"))
    print(f"  ten times the rows take {clock:.1f} times as long, {cpu:.1f} times the CPU time  (target <= 11)")


def _print(name: str, result: dict[str, float]) -> None:
    over, rows = result["peak_mb"] - result["before_mb"], int(result["rows"])
    allowed = 300 + rows * 64 / 1e6
    print(
        f"  {name:<24} {result['seconds']:8.2f} s ({result['cpu_seconds']:.2f} s CPU) "
        f"{rows / result['seconds']:9,.0f} rows/s   +{over:.0f} MB over {result['before_mb']:.0f} "
        f"(ours at most +{allowed:.0f})   {int(result['found'])} findings"
    )
