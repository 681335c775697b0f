"""The audit log: appending against a bare write and sync, bursts against single events, verifying against the peer.

The peer is the existing package forgelm 0.11.1; ``FORGELM_EXISTING_SITE`` names a folder it is unpacked in.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from forgelm.evidence.ledger import AuditLogger

ROUNDS = 45
EVENTS = 60
BURST = 4000
LINES = 100_000
SECRET = "a secret of some length"
FIELDS = {"step": 1, "loss": 1.25, "learning_rate": 0.0001, "note": "an ordinary event"}
# Timed inside the process, so that starting Python and importing count for neither.
VERIFY = """
import sys, time
if sys.argv[1]: sys.path.insert(0, sys.argv[1])
if sys.argv[4]: sys.modules["msgspec"] = None
from importlib import import_module
verify = import_module(sys.argv[2]).verify_audit_log
best = float("inf")
for _ in range(3):
    start = time.process_time()
    result = verify(sys.argv[3], hmac_secret=sys.argv[5] or None)
    best = min(best, time.process_time() - start)
assert result.valid, result
print(best)
"""


def main() -> None:
    os.environ["FORGELM_OPERATOR"] = "bench@host"
    os.environ.pop("FORGELM_AUDIT_SECRET", None)
    with tempfile.TemporaryDirectory(dir=os.environ.get("FORGELM_BENCH_DISK")) as folder:
        time_appends(Path(folder))
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        time_verifying(Path(folder))


def time_appends(folder: Path) -> None:
    """One event a sync against the same bytes through a bare loop, in turn; then many events a sync."""
    log = AuditLogger(str(folder / "run"))
    log.log_event("begin")
    single, bare, burst = Series(), Series(), Series()
    with open(folder / "bare", "ab", buffering=0) as stream:

        def write_bare() -> None:
            for line in lines:
                os.write(stream.fileno(), line)
                os.fdatasync(stream.fileno())

        for _ in range(ROUNDS):
            single.time(EVENTS, lambda: [log.log_event("training.step", **FIELDS) for _ in range(EVENTS)])
            lines = log.path.read_bytes().splitlines(keepends=True)[-EVENTS:]
            bare.time(EVENTS, write_bare)
            burst.time(BURST, lambda: log.log_events([("training.step", FIELDS)] * BURST))
    ratios = sorted(one / other for one, other in zip(single.rates, bare.rates, strict=True))
    gains = sorted(many / one for many, one in zip(burst.rates, single.rates, strict=True))
    print(
        f"append, one event a sync: {middle(single.rates):,.0f}/s; bare write + fdatasync {middle(bare.rates):,.0f}/s"
    )
    print(f"  ratio {ratios[0]:.2f} / {middle(ratios):.2f} / {ratios[-1]:.2f} (target 0.95)")
    print(f"  processor time {middle(single.cpu):.1f} and {middle(bare.cpu):.1f} us an event")
    print(f"append, one sync for about 256 KiB: {middle(burst.rates):,.0f}/s")
    print(f"  ratio to single events {gains[0]:.1f} / {middle(gains):.1f} / {gains[-1]:.1f} (target 10)")


class Series:
    """Events a second, and microseconds of processor time an event, of each round."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.cpu: list[float] = []

    def time(self, events: int, work: Callable[[], object]) -> None:
        began, used = time.perf_counter(), time.process_time()
        work()
        self.cpu.append((time.process_time() - used) / events * 1e6)
        self.rates.append(events / (time.perf_counter() - began))


def time_verifying(folder: Path) -> None:
    site = os.environ.get("FORGELM_EXISTING_SITE", "")
    plain, tagged, closed = folder / "plain", folder / "tagged", folder / "closed"
    write(plain)
    os.environ["FORGELM_AUDIT_SECRET"] = SECRET
    write(tagged)
    os.environ.pop("FORGELM_AUDIT_SECRET")
    write(closed).close_run()
    if not site:
        print("verify: FORGELM_EXISTING_SITE names no folder with the existing package; ours alone")
    for name, run, secret in (
        ("chain", plain, ""),
        ("chain and HMAC tags", tagged, SECRET),
        ("chain and Merkle root, which the peer does not check", closed, ""),
    ):
        log = str(run / "audit_log.jsonl")
        ours, careful, peer = [], [], []
        for _ in range(3):
            ours.append(verify("", "forgelm.evidence.chain", log, "", secret))
            careful.append(verify("", "forgelm.evidence.chain", log, "no msgspec", secret))
            if site:
                peer.append(verify(site, "forgelm.compliance", log, "", secret))
        line = f"verify {LINES:,} lines, {name}: {min(ours):.3f} s CPU; without the extra fast {min(careful):.3f} s"
        if site:
            best = min(peer)
            line += f"; peer {best:.3f} s: {best / min(ours):.1f}x and {best / min(careful):.1f}x (target 3.5)"
        print(line)


def write(folder: Path) -> AuditLogger:
    log = AuditLogger(str(folder))
    log.log_events([("training.step", {**FIELDS, "step": step}) for step in range(LINES)])
    return log


def verify(site: str, module: str, log: str, without: str, secret: str) -> float:
    command = [sys.executable, "-c", VERIFY, site, module, log, without, secret]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"verifying with {module} failed:\n{done.stderr[-2000:]}")
    return float(done.stdout)


def middle(values: list[float]) -> float:
    return statistics.median(values)
