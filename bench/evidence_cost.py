"""What evidence, self-check and log cost beside the shortest TRL script, and what trying the worst batch costs.

Both train the same rows for as many steps, in turn, in one process. Seconds are those of the processor.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import trl

from bench import plain_trl
from bench.chats import make_chats
from bench.own_run import configure
from bench.timing import middle
from forgelm.config.root import ForgeConfig
from forgelm.evidence.ledger import AuditLogger
from forgelm.run import single
from forgelm.train import loop
from forgelm.train.memory.probe import Probe

ROWS, EPOCHS, BATCH, TURNS = 320, 4, 8, 3
PARTS = ("log", "self-check", "evidence")


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    theirs, runs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            place = Path(folder) / str(turn)
            runs.append(_run(place))
            theirs.append(_plain(place))
    plain = middle(theirs)
    print(f"\nevidence: {ROWS} chats, {EPOCHS} epochs, medians of {TURNS} turns, seconds of CPU time")
    print(f"  plain TRL   {plain:6.2f} s   forgelm {middle([run['run'] for run in runs]):6.2f} s")
    for name in PARTS:
        print(f"  {name:<11} {middle([run[name] for run in runs]):6.2f} s")
    together = [sum(run[name] for name in PARTS) for run in runs]
    ratio = middle([1 + cost / other for cost, other in zip(together, theirs, strict=True)])
    print(f"  together    {middle(together):6.2f} s   ratio {ratio:.3f} to plain TRL without them  (target <= 1.03)")
    print(f"              {middle(together) / 60:.1%} of a run of one minute  (target <= 3 %)")
    tried, step = (middle([run[name] for run in runs]) for name in ("worst batch", "first step"))
    steps = middle([run["worst batch"] / run["first step"] for run in runs])
    print(f"  worst batch {tried:6.2f} s   ratio {steps:.2f} to the first step of them, {step:.2f} s  (target <= 2)")


def _plain(folder: Path) -> float:
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        plain_trl.main(str(folder / "data" / "train.jsonl"), str(folder / "trl"), str(EPOCHS))
    return time.process_time() - began


def _run(folder: Path) -> dict[str, float]:
    options = {"num_train_epochs": EPOCHS, "per_device_train_batch_size": BATCH, "learning_rate": 1e-3}
    # As the TRL script does: the first step has the longest rows, those that are tried before it.
    options |= {"train_sampling_strategy": "group_by_length", "memory_probe": True}
    sections = configure(folder, make_chats(ROWS, seed=2), make_chats(16, seed=3), **options)
    config = ForgeConfig(**sections, evaluation={"auto_revert": True})
    spent: dict[str, list[float]] = {}
    with (
        _timed(AuditLogger, "log_event", "log", spent),
        _timed(AuditLogger, "close_run", "log", spent),
        _timed(loop, "probe_logits", "self-check", spent),
        _timed(single, "load_saved", "self-check", spent),
        _timed(single, "measure_saved_model", "self-check", spent),
        _timed(single, "write_evaluations", "evidence", spent),
        _timed(single, "conclude", "evidence", spent),
        _timed(Probe, "run", "worst batch", spent),
        _timed(trl.SFTTrainer, "training_step", "steps", spent),
    ):
        began = time.process_time()
        single.run_single(config)
        spent["run"] = [time.process_time() - began]
    return {name: sum(seconds) for name, seconds in spent.items()} | {"first step": spent["steps"][0]}


@contextlib.contextmanager
def _timed(owner: Any, name: str, what: str, spent: dict[str, list[float]]) -> Iterator[None]:
    """Add the processor time of each call of ``owner.name`` to ``spent[what]``; calls within another's count once."""
    original: Callable[..., Any] = getattr(owner, name)
    inside = spent.setdefault("inside", [])

    def call(*args: Any, **kwargs: Any) -> Any:
        if inside:
            return original(*args, **kwargs)
        began = time.process_time()
        inside.append(0.0)
        try:
            return original(*args, **kwargs)
        finally:
            inside.clear()
            spent.setdefault(what, []).append(time.process_time() - began)

    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, original)


if __name__ == "__main__":
    main()
