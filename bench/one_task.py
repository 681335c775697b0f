"""One task of a dataset audit, alone in a process: ``python one_task.py TASK FILE [ROWS]`` prints what it took as JSON.

Runs in our environment and in the peer's, which calls the same functions by the same names; so it imports neither's
helpers, and nothing of this folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(task: str, path: str, rows: int) -> None:
    library = importlib.import_module(
        "forgelm.data_audit" if importlib.util.find_spec("forgelm.data_audit") else "forgelm"
    )
    print(json.dumps(TASKS[task](library, Path(path), rows)))


def _audit(library: Any, path: Path, workers: int) -> dict[str, float]:
    options: dict[str, Any] = {"workers": workers} if workers > 1 else {}
    audit = library.audit_dataset
    small = path.with_name("small.jsonl")
    small.write_bytes(b"".join(path.open("rb").readlines()[:1]) if path.stat().st_size < 1e6 else _head(path))
    audit(str(small), enable_quality_filter=True, **options)  # imports and compiled code
    before = _memory()
    began = time.perf_counter()
    cpu_seconds, report = _time(lambda: audit(str(path), enable_quality_filter=True, **options))
    seconds = time.perf_counter() - began
    found = sum(report.pii_summary.values()) + sum(report.secrets_summary.values())
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "before_mb": before,
        "peak_mb": _memory(),
        "rows": report.total_samples,
        "found": found,
    }


def _patterns(library: Any, path: Path, rows: int) -> dict[str, float]:
    texts = _read(path, rows)
    size = sum(len(text.encode()) for text in texts) / 1e6
    seconds, _ = _time(lambda: [(library.detect_pii(text), library.detect_secrets(text)) for text in texts])
    return {"mb_per_second": size / seconds}


def _pairs(library: Any, path: Path, rows: int) -> dict[str, float]:
    fingerprints = [library.compute_simhash(text) for text in _read(path, rows)]
    seconds, pairs = _time(lambda: library.find_near_duplicates(fingerprints))
    return {"seconds": seconds, "pairs": len(pairs)}


def _minhash(library: Any, path: Path, rows: int) -> dict[str, float]:
    texts = _read(path, rows)
    library.compute_minhash(texts[0])
    seconds, _ = _time(lambda: [library.compute_minhash(text) for text in texts])
    return {"docs_per_second": len(texts) / seconds}


def _rensa(_library: Any, path: Path, rows: int) -> dict[str, float]:
    signature = importlib.import_module("rensa").RMinHash
    texts, word = _read(path, rows), re.compile(r"\w+")

    def sign(text: str) -> Any:
        made = signature(num_perm=128, seed=42)
        made.update(word.findall(text.lower()))
        return made.digest()

    seconds, _ = _time(lambda: [sign(text) for text in texts])
    return {"docs_per_second": len(texts) / seconds}


def _read(path: Path, rows: int) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line, _ in zip(file, range(rows), strict=False)]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(file.readline() for _ in range(200))


def _time(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of CPU time: on a shared machine the clock also counts what others do."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def _memory() -> float:
    """Return the most memory in MB that this process has held; ``ru_maxrss`` starts with what its parent held."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return (int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024


TASKS: dict[str, Callable[[Any, Path, int], dict[str, float]]] = {
    "audit": _audit, "patterns": _patterns, "pairs": _pairs, "minhash": _minhash, "rensa": _rensa,
}  # fmt: skip

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
