"""Carries the compute of earlier fine-tunes along: a file in the model folder that a later run on it reads."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from forgelm.base.files import write_json
from forgelm.evidence.record import RunRecord
from forgelm.model.revision import Revision

LINEAGE_FILE = "training_lineage.json"


@dataclass(frozen=True)
class Modification:
    """One earlier training: which run, on what, and how many operations it took at most."""

    run_id: str
    base_model: str
    flop: float


@dataclass(frozen=True)
class Lineage:
    """The model everything began with, and what was done to it before. ``problem`` says why nothing could be read."""

    root: str
    earlier: tuple[Modification, ...] = ()
    problem: str | None = None

    @property
    def flop(self) -> float:
        return math.fsum(item.flop for item in self.earlier)


def read_lineage(base: Revision) -> Lineage:
    """Return what led to the base model of a run, by the file an earlier run left in its folder."""
    path = Path(base.path) / LINEAGE_FILE
    if not base.is_local or not path.is_file():
        return Lineage(base.repo_id)
    try:
        content = json.loads(path.read_bytes())
        earlier = tuple(_read_modification(item) for item in content["modifications"])
        if not earlier:
            raise ValueError("it lists no modification")
        return Lineage(str(content["base_model"]), earlier)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Lineage(base.repo_id, problem=f"{LINEAGE_FILE} of the base model cannot be read: {error}")


def write_lineage(folder: Path, run: RunRecord) -> Path:
    """Write the file for the model in ``folder``: what the base brought along, and this run."""
    before = read_lineage(run.loaded.revision)
    this = Modification(run.run_id, _without_folders(run.config.model.name_or_path), largest_figure(run)[1])
    content: dict[str, Any] = {
        "about": "Trainings that led to these weights, in floating-point operations; the largest figure of each.",
        "base_model": _without_folders(before.root),
        "modifications": [asdict(item) for item in (*before.earlier, this)],
    }
    if before.problem:
        content["problem"] = before.problem
    return write_json(folder / LINEAGE_FILE, content)


def largest_figure(run: RunRecord) -> tuple[str, float]:
    """Return the largest of a run's figures for its operations and its name: nothing is made to look smaller."""
    compute = run.outcome.compute
    figures = {
        "operation count": compute.flop_operations,
        "upper bound 6PD": compute.flop_upper_bound,
        "hardware N·L·H·U": compute.flop_hardware,
    }
    known = {name: value for name, value in figures.items() if value is not None}
    name = max(known, key=lambda key: known[key])
    return name, known[name]


def _without_folders(name: str) -> str:
    """Return a model's name without the folders of this machine: the file leaves it together with the model."""
    return PurePath(name).name if Path(name).is_absolute() else name


def _read_modification(item: Any) -> Modification:
    flop = item["flop"]
    if type(flop) not in (int, float) or not math.isfinite(flop) or flop < 0:
        raise ValueError("a modification has no usable number of operations")
    return Modification(str(item["run_id"]), str(item["base_model"]), float(flop))
