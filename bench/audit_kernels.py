"""The audit's kernels against the existing package and rensa, on the same texts: patterns, pairs, MinHash."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from bench.corpus import make_texts, write_corpus
from bench.peer import CORPORA, run_peer
from forgelm.audit.duplicates.near_pairs import find_near_duplicates, iterate_near_pairs
from forgelm.audit.matching.batch import build_scanner, scan_batch
from forgelm.audit.matching.engines import ENGINES
from forgelm.audit.matching.family import Family
from forgelm.audit.pii.families import CONTRACT_FAMILIES, PII_FAMILIES
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.secrets.families import CONTRACT_SECRETS, SECRET_FAMILIES

ROWS, PEER_ROWS, PAIR_ROWS, MANY = 15_000, 4_000, 100_000, 10_000_000
_CONTRACT = (*CONTRACT_FAMILIES, *(family for family in SECRET_FAMILIES if family.kind in CONTRACT_SECRETS))
_SETS: dict[str, tuple[Family, ...]] = {
    "the contract's 17 kinds": _CONTRACT,
    "62 kinds of personal data": PII_FAMILIES,
    "234 families of credentials": SECRET_FAMILIES,
    "everything": PII_FAMILIES + SECRET_FAMILIES,
}
_LOG = "2024-05-{0:02d} 10:{0:02d}:45,12{1} INFO worker-{1} request {0}{1}77 took {0}.{1}345 ms, 0.{0}{1}234567890123\n"


def main() -> None:
    path = write_corpus(CORPORA / f"rows-{PAIR_ROWS}.jsonl", PAIR_ROWS)
    peer = run_peer("patterns", path, PEER_ROWS)
    _patterns(peer["mb_per_second"] if peer else 0.0)
    pairs = run_peer("pairs", path, PAIR_ROWS)
    _pairs(pairs["seconds"] if pairs else 0.0)
    peers = {
        name: result["docs_per_second"] for name in ("minhash", "rensa") if (result := run_peer(name, path, PEER_ROWS))
    }
    _minhash(peers)


def _patterns(peer: float) -> None:
    texts = list(make_texts(ROWS))
    logs = ["".join(_LOG.format(10 + row % 19, row % 10) for row in range(12)) for _ in range(ROWS // 5)]
    print(
        f"\npersonal data and credentials, MB per second of CPU time; the existing package: {peer:.1f} MB/s on 17 kinds"
    )
    for name, families in _SETS.items():
        for engine in ENGINES:
            speed = _scan_speed(texts, families, engine)
            aim = {"arrow": 75, "hyperscan": 200}[engine] if families is _CONTRACT else 0
            ratio = f"   {speed / peer:4.0f} x  (target {aim})" if peer and aim else ""
            least = "   (target 150)" if families is SECRET_FAMILIES else ""
            print(f"  {name:<28} {engine:<10} {speed:7.0f} MB/s{ratio}{least}")
    print(f"  rows full of times, numbers  arrow      {_scan_speed(logs, _SETS['everything'], 'arrow'):7.0f} MB/s")


def _scan_speed(texts: Sequence[str], families: tuple[Family, ...], engine: str) -> float:
    array, scanner = pa.array(texts, pa.large_string()), build_scanner(families, engine)  # type: ignore[arg-type]
    seconds = _best(lambda: scan_batch(array, scanner))
    return sum(len(text.encode()) for text in texts) / 1e6 / seconds


def _pairs(peer: float) -> None:
    engine = load_engine()
    hashes = engine.hash_rows(TextBatch.from_texts(list(make_texts(PAIR_ROWS)))).simhash.tolist()
    seconds = _best(lambda: find_near_duplicates(hashes))
    ratio = f"   {peer / seconds:.0f} x the existing package's {peer:.1f} s  (target 500)" if peer else ""
    print(f"\nSimHash pairs within 3 bits\n  {PAIR_ROWS:,} rows {seconds:8.3f} s{ratio}")
    values = np.random.default_rng(1).integers(0, 2**63, MANY, dtype=np.uint64)
    began = time.perf_counter()
    found = sum(map(len, iterate_near_pairs(values, 3)))
    print(f"  {MANY:,} synthetic {time.perf_counter() - began:8.1f} s, {found} pairs  (target < 20 s)")


def _minhash(peers: dict[str, float]) -> None:
    engine, batch = load_engine(), TextBatch.from_texts(list(make_texts(ROWS)))
    speed = ROWS / _best(lambda: engine.hash_rows(batch, 128))
    print(f"\nMinHash of 128, from text\n  {speed:10,.0f} rows/s ({engine.name})")
    for name, title, aim in (("minhash", "the existing package", 150), ("rensa", "rensa", 5)):
        if name in peers:
            print(f"  {peers[name]:10,.0f} rows/s {title}: {speed / peers[name]:.0f} x  (target {aim})")


def _best(work: Callable[[], object]) -> float:
    """Return the fewest seconds of CPU time of four runs; everything timed here runs on one core."""
    times = []
    for _ in range(4):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)
