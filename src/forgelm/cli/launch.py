"""``forgelm launch``: several processes train one model; one reply, one exit code."""

from __future__ import annotations

import json
import signal
import tempfile
from pathlib import Path
from typing import Any

import click

from forgelm.base.errors import ConfigError, ExitCode, StoppedError, TrainingError
from forgelm.cli.options import shared, shared_options
from forgelm.cli.render import Reply, note
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.train.launch import Layout, check_layout, run_processes


@click.command()
@click.option("--config", type=click.Path(), required=True, help="The YAML file to run.")
@click.option("--nproc", type=click.IntRange(min=1), required=True, help="Processes on this machine: one for each GPU.")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Number of machines.")
@click.option("--node-rank", type=click.IntRange(min=0), default=0, show_default=True, help="This machine's number.")
@click.option("--master", metavar="HOST:PORT", help="Where machine 0 is met; needed with --nodes above 1.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.FIELD=VALUE", help="Change one value of the file.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="auto",
    default=None,
    metavar="[CHECKPOINT]",
    help="Continue from a checkpoint; without a path, from the newest complete one.",
)
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
@click.pass_context
def launch(
    context: click.Context,
    /,
    config: str,
    overrides: tuple[str, ...],
    resume: str | None,
    offline: bool,
    **layout: Any,
) -> Reply:
    """Train with several processes, started by torch's own launcher.

    \b
    forgelm launch --nproc 8 --config run.yaml
    forgelm launch --nproc 8 --nodes 2 --node-rank 0 --master node0:29500 --config run.yaml
    """
    if (master := layout["master"]) is not None and not _is_address(master):
        raise click.UsageError(f"--master {master!r} is not HOST:PORT")
    found = Layout(**layout)
    read = load_config(config, overrides)
    refuse_pipeline(read, config)
    check_layout(found)
    grace = read.training.preemption_grace_seconds
    options = shared(context)
    arguments = ["--config", config, *(word for change in overrides for word in ("--set", change))]
    arguments += ["--resume", resume] if resume else []
    arguments += ["--offline"] if offline else []
    arguments += ["--output-format", "json"] if options.as_json else []
    arguments += ["--quiet"] if options.quiet else []
    arguments += ["--log-level", options.log_level] if options.log_level else []
    with tempfile.TemporaryDirectory(prefix="forgelm-launch-") as folder:
        failed = run_processes(found, "forgelm.cli.worker", [folder, *arguments], grace_seconds=grace)
        return _reply(Path(folder) / "0.json", failed, found, as_json=options.as_json)


def refuse_pipeline(config: ForgeConfig, path: str) -> None:
    """Refuse a file with a pipeline before any process is started: its stages run in one.

    Raises:
        ConfigError: ``config``, read from ``path``, has a pipeline.
    """
    if config.pipeline is not None:
        raise ConfigError(
            f"{path} has a pipeline, whose stages run in one process",
            hint=f"forgelm --config {path}; or give each stage a file of its own and launch them one after another",
        )


def _reply(first: Path, failed: dict[int, int], layout: Layout, *, as_json: bool) -> Reply:
    """Return what the first process said, or what became of those that said nothing."""
    killed = {index: code for index, code in failed.items() if code < 0}
    for index, code in killed.items():
        note(f"process {index} was killed by {signal.Signals(-code).name}")
    if first.is_file():
        reply = json.loads(first.read_text(encoding="utf-8"))
        envelope = json.loads(reply["said"]) if as_json else {}
        return Reply(envelope, reply["said"].rstrip("\n"), ExitCode(reply["code"]))
    if failed:
        index, code = min((killed or failed).items())
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise TrainingError(
            f"process {index} {how}, and the training with it",
            hint="its own message stands above; a kill without one is usually the machine running out of memory. "
            "Run the same command with --resume to continue from the last checkpoint",
        )
    if layout.node_rank == 0:
        raise StoppedError("stopped as asked", hint="run the same command with --resume to continue")
    text = "this machine's part is done; machine 0 gives the verdict"
    return Reply({"success": True, "status": text}, text)


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit() and 0 < int(port) < 65536
