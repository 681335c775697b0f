"""``forgelm resume``: continue a stopped training, or with ``--verify`` show that continuing it changes nothing."""

from __future__ import annotations

import contextlib
import sys

import click

from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared, shared_options
from forgelm.cli.render import Reply, table
from forgelm.cli.train import run_config
from forgelm.config.load import load_config
from forgelm.config.stages import refuse_pipeline
from forgelm.run.replay import replay_run

_SHOWN = 12


@click.command()
@click.option("--config", type=click.Path(), required=True, help="The YAML file of the run.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.FIELD=VALUE", help="Change one value of the file.")
@click.option("--checkpoint", type=click.Path(), help="The checkpoint to begin from; without it the newest valid one.")
@click.option("--verify", is_flag=True, help="Take steps once more and compare their losses with the recorded ones.")
@click.option("--steps", type=click.IntRange(min=1), default=10, show_default=True, help="Steps that --verify takes.")
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
@click.pass_context
def resume(
    context: click.Context,
    /,
    config: str,
    overrides: tuple[str, ...],
    checkpoint: str | None,
    verify: bool,
    steps: int,
    offline: bool,
) -> Reply:
    """Continue a training from its newest valid checkpoint, like --config FILE --resume.

    With --verify nothing is continued: some steps are taken once more from a checkpoint, in a folder of their own, and
    each loss must be the recorded one.
    """
    if not verify:
        options = shared(context)
        chosen = checkpoint or "auto"
        return run_config(config, overrides, dry_run=False, resume=chosen, offline=offline, options=options)
    loaded = load_config(config, overrides)
    refuse_pipeline(loaded, "--verify")
    loaded = loaded.replace("model.offline", True) if offline else loaded
    with contextlib.redirect_stdout(sys.stderr):
        found = replay_run(loaded, checkpoint=checkpoint, steps=steps)
    rows = [("verdict", "THE SAME" if found.same else "DIFFERENT")]
    rows += [("from", found.checkpoint), ("recorded in", found.recorded_in), ("steps", str(len(found.steps)))]
    rows += [("largest difference", f"{found.largest_difference:.1e} (limit {found.limit:.0e})")]
    rows += [(f"step {one.step}", f"{one.replayed!r}, recorded {one.recorded!r}") for one in found.steps[:_SHOWN]]
    code = ExitCode.OK if found.same else ExitCode.INTEGRITY
    return Reply({"success": found.same, **found.as_record()}, table(rows), code)
