"""``forgelm --config`` for a file with a pipeline."""

from __future__ import annotations

from forgelm.cli.options import Shared
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.config.root import ForgeConfig
from forgelm.evidence.pipeline.state import PipelineState, StageState
from forgelm.run.pipeline.dry_run import check_pipeline
from forgelm.run.pipeline.run import PipelineResult, run_pipeline
from forgelm.run.pipeline.wishes import PipelineWishes
from forgelm.run.stop import StopRequest, stop_on_signals


def run_stages(config: ForgeConfig, wishes: PipelineWishes, *, dry_run: bool, options: Shared) -> Reply:
    """Run or check the stages and return the state document."""
    if dry_run:
        report = check_pipeline(config)
        rows = [(stage["name"], f"{stage['dataset']}, {stage['train_rows']} rows") for stage in report["stages"]]
        return Reply(report, table([("status", "valid"), *rows]))
    stop = StopRequest()
    grace = config.training.preemption_grace_seconds
    with stop_on_signals(stop, grace), Reporter(options) as reporter:
        result = run_pipeline(config, wishes, listen=reporter, stop=stop)
    return _reply(result)


def _reply(result: PipelineResult) -> Reply:
    state = result.state
    envelope = {"success": result.exit_code in (0, 4), **state.as_record(), "audit_log": dict(result.audit_log)}
    rows = [("pipeline", _verdict(state)), *((f"  {stage.name}", _line(stage)) for stage in state.stages)]
    rows += [(name.replace("_", " "), f"{value:.6g}") for name, value in envelope["totals"].items()]
    return Reply(envelope, table([*rows, ("run", state.pipeline_run_id)]), result.exit_code)


def _verdict(state: PipelineState) -> str:
    words = state.final_status.replace("_", " ").upper()
    return f"{words} {state.stopped_at}" if state.stopped_at else words


def _line(stage: StageState) -> str:
    said = stage.error or stage.skipped_reason or stage.staging_path or stage.output_model or ""
    gate = f", gates {stage.gate_decision}" if stage.gate_decision else ""
    return f"{stage.status.replace('_', ' ')}{gate}: {said}".removesuffix(": ")
