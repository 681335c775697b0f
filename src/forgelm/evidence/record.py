"""The facts of one run, gathered in one frozen value that every document is written from; and those it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forgelm.config.root import ForgeConfig
from forgelm.data.rows import PreparedData
from forgelm.evaluate.measurement import Measurement
from forgelm.gate.verdict import Verdict
from forgelm.model.load import LoadedModel
from forgelm.train.loop import Outcome
from forgelm.train.tokenised import TokenisedData


@dataclass(frozen=True)
class Plan:
    """What a run trains on, and how: known before it, and as true afterwards. Before it there is no ``run_id``."""

    run_id: str | None
    config: ForgeConfig
    prepared: PreparedData
    tokenised: TokenisedData


@dataclass(frozen=True)
class RunRecord(Plan):
    """What happened. ``metrics`` are flat numbers; ``resources`` is ``None`` for what this machine cannot say.

    ``evaluation_files`` are the results the evaluations left in the run folder, path to SHA-256.
    """

    run_id: str
    loaded: LoadedModel
    outcome: Outcome
    measurements: tuple[Measurement, ...]
    verdict: Verdict
    metrics: Mapping[str, float]
    resources: Mapping[str, Any] = field(default_factory=dict)
    evaluation_files: Mapping[str, str] = field(default_factory=dict)
