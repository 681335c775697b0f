"""Hashing a folder against hashlib on bytes in memory, on every core; and a whole bundle checked by verify.py alone.

A file has to be copied out of the page cache before it can be hashed. Mapping it into memory would save the copy, but a
file that somebody cuts meanwhile would then end the process. So the copy is timed too: hashing and copying, one after
the other, are as fast as anything that reads can be.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.timing import middle, spread
from forgelm.evidence.bundle.standalone import render_verifier
from forgelm.evidence.bundle.write import write_bundle
from forgelm.evidence.hashing import hash_files, usable_cores
from forgelm.evidence.inventory import write_integrity_manifest

_FILE = 64 << 20
_FILES = 16
_EVENTS = 100_000


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        model = run / "final_model"
        model.mkdir(parents=True)
        names = [f"model-{number:05}.safetensors" for number in range(_FILES)]
        block = os.urandom(_FILE)
        for name in names:
            (model / name).write_bytes(block)
        _compare(block, model, names)
        _write_log(run / "audit_log.jsonl", write_integrity_manifest(model))
        _verify(run)


def _compare(block: bytes, model: Path, names: list[str]) -> None:
    cores = usable_cores()

    def floor() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda _: hashlib.sha256(block).digest(), names))

    def copy() -> None:
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(lambda name: _read(model / name), names))

    works = {"hashlib in memory": floor, "copying alone": copy, "files": lambda: hash_files(model, names)}
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(8):
        for name, work in works.items():
            used = time.process_time()
            took = _seconds(work)
            if turn:
                wall[name].append(took)
                cpu[name].append(time.process_time() - used)
    print(f"\nSHA-256 of {_FILES} files of 64 MiB on {cores} cores, GB/s: least / median / most of 7")
    for name, values in wall.items():
        print(f"  {name:<18} {spread([_FILE * len(names) / took / 1e9 for took in values])}")
    for kind, taken in (("time", wall), ("processor time", cpu)):
        hashing, copying, files = (middle(values) for values in taken.values())
        print(
            f"  by {kind}: files reach {100 * hashing / files:.1f} % of hashing alone (target >= 95 %), "
            f"{100 * (hashing + copying) / files:.1f} % of hashing and copying"
        )


def _read(path: Path) -> None:
    block = bytearray(1 << 20)
    with path.open("rb", buffering=0) as stream:
        while stream.readinto(block):
            pass


def _write_log(log: Path, manifest: Path) -> None:
    """A log as the run writes it, but without a sync for each of its lines."""
    head = "genesis"
    with log.open("wb") as stream:
        for number in range(1, _EVENTS + 1):
            event: dict[str, object] = {"event": "progress", "step": number, "loss": 1 / number}
            if number == _EVENTS:
                digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
                event = {"event": "model.integrity_verified", "manifest_sha256": digest}
            envelope = {
                "timestamp": "2026-01-01T00:00:00.000000+00:00",
                "run_id": "fg-000000000000",
                "operator": "bench",
            }
            line = json.dumps({**envelope, **event, "prev_hash": head, "seq": number}).encode()
            head = hashlib.sha256(line).hexdigest()
            stream.write(line + b"\n")


def _verify(run: Path) -> None:
    bundle, verifier = run.with_name("evidence.zip"), run.with_name("verify.py")
    wrote = _seconds(lambda: write_bundle(run, bundle, with_model=True))
    verifier.write_bytes(render_verifier())
    command = [sys.executable, "-I", "-S", str(verifier), str(bundle)]
    took = [_seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(3)]
    size = bundle.stat().st_size / 1e9
    print(f"\na bundle of {size:.2f} GB with {_EVENTS:,} events: written in {wrote:.2f} s")
    print(f"  verify.py, seconds: {spread(took)}  (target < 5)")


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
