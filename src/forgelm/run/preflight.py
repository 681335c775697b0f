"""A configuration into what its run begins with: looks at all that can be seen before the run is on record."""

from __future__ import annotations

from dataclasses import dataclass

from forgelm.base.events import Emit, Event
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.data.rows import PreparedData
from forgelm.evaluate.table import check_evaluations
from forgelm.evidence.approval import Policy
from forgelm.evidence.documents.annex_iv import read_attachments
from forgelm.model.load import check_build, plan_load, resolve
from forgelm.model.precision import Precision
from forgelm.model.revision import Revision
from forgelm.model.unsloth import check_unsloth
from forgelm.run.audience import check_audience
from forgelm.run.exporting import check_export
from forgelm.train.speedups import check_speedups
from forgelm.train.trainers import check_trackers


@dataclass(frozen=True)
class Needs:
    """What a run begins with: its rows, and where and how its model will be loaded."""

    prepared: PreparedData
    revision: Revision
    precision: Precision


def check_needs(config: ForgeConfig, emit: Emit) -> Needs:
    """Read the data and look for everything else that ``config`` needs, weights and tokens excepted.

    Nothing is written: what ends here has not begun, and the run folder goes on speaking of the runs before.

    Raises:
        ConfigError: the configuration, the data or the model cannot be used; also an extra or a file that is missing.
    """
    check_trackers(config.training.trackers)
    check_speedups(config)
    check_unsloth(config)
    check_evaluations(config)
    check_export(config)
    check_audience(config)
    Policy.of(config.evaluation.approval if config.evaluation else None)
    read_attachments(config.compliance.annex_iv if config.compliance else {})
    revision = resolve(config)
    precision = plan_load(config, revision)
    check_build(config, revision, precision)
    emit(Event.STAGE, name="reading the data")
    return Needs(prepare_run(config), revision, precision)
