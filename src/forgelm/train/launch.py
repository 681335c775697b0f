"""Starts the processes of one training with torch's own launcher and says how each of them ended."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra

_SIGNALS = "SIGTERM,SIGINT,SIGUSR1"
_SHUTDOWN_SECONDS = 300


@dataclass(frozen=True)
class Layout:
    """How many processes run where. ``master`` is ``host:port`` of the machine numbered 0."""

    nproc: int
    nodes: int = 1
    node_rank: int = 0
    master: str | None = None

    def arguments(self) -> list[str]:
        """Return what torch's launcher is told."""
        found = [f"--nproc-per-node={self.nproc}", f"--nnodes={self.nodes}", "--max-restarts=0"]
        if self.master is None:
            return found
        host, _, port = self.master.rpartition(":")
        return [*found, f"--node-rank={self.node_rank}", f"--master-addr={host}", f"--master-port={port}"]


def check_layout(layout: Layout) -> None:
    """Refuse a layout that cannot be started here.

    Raises:
        ConfigError: there are too few GPUs, or several machines that were not told where to meet.
    """
    torch = load_extra("torch", extra="train")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and layout.nproc > gpus:
        raise ConfigError(
            f"{layout.nproc} processes were asked for, and this machine has {gpus} GPU{'s' if gpus > 1 else ''}",
            hint=f"--nproc {gpus}",
        )
    if layout.nodes > 1 and layout.master is None:
        raise ConfigError("several machines need a place to meet", hint="--master HOST:PORT of machine 0, on each")
    if not 0 <= layout.node_rank < layout.nodes:
        raise ConfigError(
            f"--node-rank {layout.node_rank} is not one of {layout.nodes} machines, which are counted from 0"
        )


def run_processes(
    layout: Layout, module: str, arguments: Sequence[str], *, grace_seconds: float | None
) -> dict[int, int]:
    """Run ``python -m module`` in each process until all have ended.

    Returns the exit code of each process that failed, by its number; a negative one is the signal that killed it.
    A signal sent to this process is passed on, and after it nothing is known of how they ended.
    """
    launcher = load_extra("torch.distributed.run", extra="train")
    elastic = load_extra("torch.distributed.elastic.multiprocessing", extra="train")
    # Its warnings name files and frames of its own; how a process ended is said by us.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    seconds = _SHUTDOWN_SECONDS if grace_seconds is None else int(grace_seconds) + 10
    os.environ["TORCH_ELASTIC_SHUTDOWN_TIMEOUT"] = str(seconds)
    options = [*layout.arguments(), f"--signals-to-handle={_SIGNALS}", "--module", module, *arguments]
    before = list(sys.argv)
    try:
        launcher.run(launcher.parse_args(options))
    except elastic.errors.ChildFailedError as error:
        return {int(rank): int(failure.exitcode) for rank, failure in error.failures.items()}
    except elastic.SignalException:
        return {}
    finally:
        sys.argv[:] = before
    return {}
