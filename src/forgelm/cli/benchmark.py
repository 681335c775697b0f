"""``forgelm --config FILE --benchmark-only MODEL_PATH``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from forgelm.base.errors import ExitCode
from forgelm.cli.options import Shared
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.config.stages import refuse_pipeline
from forgelm.run.benchmark_only import run_benchmarks_only


def benchmark_model(path: str, overrides: Sequence[str], *, model_path: str, offline: bool, options: Shared) -> Reply:
    """Let a model take the benchmarks of the file; not passed is exit code 3."""
    config = load_config(path, overrides)
    refuse_pipeline(config, "--benchmark-only")
    if offline:
        config = config.replace("model.offline", True)
    with contextlib.redirect_stdout(sys.stderr), Reporter(options) as reporter:
        found = run_benchmarks_only(config, model_path, listen=reporter)
    envelope = {
        "success": found.passed,
        "model_path": found.model_path,
        "benchmark": {"scores": found.scores, "average": found.average, "passed": found.passed},
        "gates": found.verdict.as_record()["gates"],
        "files": found.files,
    }
    if found.failure_reason is not None:
        envelope["failure_reason"] = found.failure_reason
    rows = [("verdict", "PASSED" if found.passed else "NOT PASSED"), ("model", found.model_path)]
    rows += [(f"  {gate.gate}", f"{gate.status}: {gate.reason}") for gate in found.verdict.gates]
    rows += [(name, f"{value:.4f}") for name, value in found.scores.items()]
    rows += [("results", place) for place in found.files]
    return Reply(envelope, table(rows), ExitCode.OK if found.passed else ExitCode.GATE_FAILED)
