"""``forgelm --config``: one run, or with ``--dry-run`` everything that can be checked without training."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.base.files import RunFiles
from forgelm.base.processes import read_place
from forgelm.cli.options import Shared
from forgelm.cli.pipeline import run_stages
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.run.dry_run import check_run
from forgelm.run.pipeline.wishes import PipelineWishes
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest, stop_on_signals

_NO_WISHES: Mapping[str, Any] = MappingProxyType({})


def run_config(
    path: str,
    overrides: Sequence[str],
    *,
    dry_run: bool,
    resume: str | None,
    offline: bool,
    options: Shared,
    wishes: Mapping[str, Any] = _NO_WISHES,
) -> Reply:
    """Load the file and run or check it, stage by stage where it has a pipeline."""
    config = load_config(path, overrides)
    if offline:
        config = config.replace("model.offline", True)
    if config.pipeline is None and any(wishes.values()):
        raise ConfigError(
            "--stage, --resume-from, --force-resume and --input-model are for a configuration with a pipeline"
        )
    # Libraries below print to stdout, which belongs to the reply alone.
    with contextlib.redirect_stdout(sys.stderr):
        if config.pipeline is not None:
            return run_stages(config, PipelineWishes(**wishes, resume=resume), dry_run=dry_run, options=options)
        if dry_run:
            report = check_run(config)
            return Reply(report, table([(name, str(value)) for name, value in report.items() if value is not None]))
        stop = StopRequest()
        grace = config.training.preemption_grace_seconds
        with stop_on_signals(stop, grace, launched=not read_place().alone), Reporter(options) as reporter:
            result = run_single(config, resume=resume, listen=reporter, stop=stop)
    return reply_to(result, config.training.output_dir)


def reply_to(result: TrainResult, folder: str) -> Reply:
    """Return the envelope of a finished run in ``folder`` and its readable form, the verdict first."""
    envelope = {
        "success": result.success,
        "verdict": result.verdict,
        "metrics": result.metrics,
        "final_model_path": result.final_model_path,
        "reverted": result.reverted,
        "awaiting_approval": result.awaiting_approval,
        "run_id": result.run_id,
        "config_hash": result.config_hash,
        "gates": result.gates,
        "resource_usage": result.resource_usage,
    }
    if result.judge_details is not None:
        envelope["judge"] = {"average_score": result.judge_score}
    if result.safety_passed is not None:
        envelope["safety"] = {
            "passed": result.safety_passed,
            "safety_score": result.safety_score,
            "categories": result.safety_categories,
            "severity": result.safety_severity,
            "low_confidence_count": result.safety_low_confidence,
        }
    for name in ("error", "staging_path", "quarantine_path", "estimated_cost_usd", "audit_log"):
        if (value := getattr(result, name)) is not None:
            envelope[name] = value
    if result.benchmark_passed is not None:
        envelope["benchmark"] = {
            "scores": result.benchmark_scores,
            "average": result.benchmark_average,
            "passed": result.benchmark_passed,
        }
    rows = [("verdict", result.verdict.upper())]
    rows += [(f"  {gate['gate']}", f"{gate['status']}: {gate['reason']}") for gate in result.gates]
    rows += [("model", str(result.output_dir)), ("run", str(result.run_id))]
    rows += [(name, f"{value:.4f}") for name, value in result.metrics.items()]
    rows += _ways_on(result, folder)
    return Reply(envelope, table(rows), exit_code(result))


def _ways_on(result: TrainResult, folder: str) -> list[tuple[str, str]]:
    """Return where to read why the verdict is what it is, how to check it, and how to decide."""
    where = shlex.quote(folder)
    ways = [("read", str(RunFiles(Path(folder)).compliance / "index.html")), ("check", f"forgelm verify {where}")]
    if result.awaiting_approval:
        ways.append(("decide", f"forgelm approvals --show {result.run_id} --output-dir {where}"))
    return ways if result.run_id else []


def exit_code(result: TrainResult) -> ExitCode:
    """A failed gate always fails the caller's pipeline, whether or not the model kept its place."""
    if result.error is not None:
        return ExitCode.GATE_FAILED
    return ExitCode.AWAITING_APPROVAL if result.awaiting_approval else ExitCode.OK
