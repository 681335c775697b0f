"""``forgelm --config FILE --generate-data``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import asdict

from forgelm.base.errors import ExitCode
from forgelm.cli.options import Shared
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.run.stop import StopRequest, stop_on_signals
from forgelm.run.synthetic import SyntheticDataGenerator


def generate_data(path: str, overrides: Sequence[str], *, offline: bool, options: Shared) -> Reply:
    """Let the teacher of the file write rows; too few usable replies is exit code 2."""
    config = load_config(path, overrides)
    if offline:
        config = config.replace("model.offline", True)
    stop = StopRequest()
    with contextlib.redirect_stdout(sys.stderr), stop_on_signals(stop), Reporter(options) as reporter:
        result = SyntheticDataGenerator(config).generate(listen=reporter, stopped=stop.asked)
    envelope = {"success": result.success, "success_rate": result.success_rate, **asdict(result)}
    rows = [("rows", f"{result.rows} in {result.output_file}"), ("origin", result.provenance_file)]
    rows += [("prompts", f"{result.successful} of {result.total_prompts} answered, {result.resumed} of them before")]
    rows += [("duplicates", f"{result.duplicates} left out")] if result.duplicates else []
    rows += [("cost", f"{result.cost_usd:.4f} USD")] if result.cost_usd is not None else []
    rows += [("failed", text) for text in result.errors]
    if not result.success:
        wanted = max(result.min_success_rate, 0.0)
        envelope["error"] = (
            f"{result.success_rate:.1%} of the prompts have a usable reply, at least {wanted:.1%} and one are needed"
        )
        rows.insert(0, ("NOT ENOUGH", envelope["error"]))
    return Reply(envelope, table(rows), ExitCode.OK if result.success else ExitCode.RUNTIME)
