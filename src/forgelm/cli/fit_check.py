"""``forgelm --config FILE --fit-check``: will this training fit a GPU, and what would make it fit."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.config.stages import refuse_pipeline
from forgelm.model.gpus import find_gpu
from forgelm.train.memory.estimate import GB
from forgelm.train.memory.fit import FitCheck, check_fit


def check_config_fits(path: str, overrides: Sequence[str], *, offline: bool, gpu: str | None, gpus: int) -> Reply:
    """Load the file and estimate it; what does not fit is an answer too, so the exit code is 0."""
    config = load_config(path, overrides)
    refuse_pipeline(config, "--fit-check")
    named = find_gpu(gpu) if gpu else None
    with contextlib.redirect_stdout(sys.stderr):
        found = check_fit(config.replace("model.offline", True) if offline else config, named, gpus=gpus)
    return Reply(found.as_record(), _text(found))


def _text(found: FitCheck) -> str:
    available = f"{found.gpu.available_gb:.1f} GB on {found.gpu.name}" if found.gpu else "no GPU here, and none named"
    estimate = found.estimate
    lines = [
        table(
            [
                ("verdict", found.verdict),
                ("estimated", f"{estimate.total / GB:.1f} GB, at its highest during: {estimate.peak}"),
                ("available", available),
            ]
        ),
        "",
        table(
            [(f"  {name.replace('_', ' ')}", f"{size / GB:8.2f} GB") for name, size in estimate.parts.items() if size]
        ),
    ]
    if found.changes:
        lines += ["", "Any one of these makes it fit:" if len(found.changes) > 1 else "This makes it fit:"]
        lines += [f"  {change}" for change in found.changes]
    elif found.verdict in ("TIGHT", "OOM"):
        lines += ["", "No change of the settings alone makes it fit this GPU."]
    return "\n".join([*lines, "", *(f"note: {note}" for note in found.notes)])
