"""The ``forgelm`` command's top level: finds the command, runs it, prints its reply. The only exit of the program."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.base.processes import read_place
from forgelm.cli.options import Shared, shared, shared_options, wants_json
from forgelm.cli.render import Reply, show, show_error

_SECONDS_TO_REPLY = 5.0
_HERE = "./compliance"
_NOWHERE = "\0"  # no path can be this: --compliance-export without a folder
_MODES = ("--benchmark-only", "--compliance-export", "--fit-check", "--generate-data", "--merge")

COMMANDS = MappingProxyType(
    {
        "approvals": ("forgelm.cli.approvals", "List the models that wait for a person, or show one."),
        "approve": ("forgelm.cli.approvals", "Approve a held model, which makes it final."),
        "audit": ("forgelm.cli.audit", "Audit a dataset before training."),
        "bundle": ("forgelm.cli.bundle", "Write a run's evidence as one file that anyone can check."),
        "cache": ("forgelm.cli.cache", "Fetch models and the data of benchmarks for runs without a network."),
        "cache-models": ("forgelm.cli.cache", "The same as 'cache models'."),
        "cache-tasks": ("forgelm.cli.cache", "The same as 'cache tasks'."),
        "chat": ("forgelm.cli.chat", "Talk to a model, line by line."),
        "completion": ("forgelm.cli.completion", "Print the script by which bash, zsh or fish completes this command."),
        "deploy": ("forgelm.cli.deploy", "Write the file that a server is started with, for a model that is intact."),
        "doctor": ("forgelm.cli.doctor", "Look this machine over, and say how to mend what is wrong."),
        "docs": ("forgelm.cli.pages", "Print a page of the documentation, offline."),
        "explain": ("forgelm.cli.pages", "Say what an exit code, an event, a gate or a field means."),
        "export": ("forgelm.cli.export", "Write a model as one GGUF file, tokenizer and chat template included."),
        "ingest": ("forgelm.cli.ingest", "Turn documents (PDF, DOCX, EPUB, HTML, Markdown, text) into JSONL rows."),
        "keys": ("forgelm.cli.keys", "Make and show the Ed25519 key that signs checkpoints of the audit log."),
        "merge": ("forgelm.cli.merge", "Merge an adapter into its base, or the models of a config into one."),
        "launch": ("forgelm.cli.launch", "Train with several processes, on one machine or more."),
        "migrate": ("forgelm.cli.migrate", "Turn another program's configuration into one of forgelm."),
        "preview": ("forgelm.cli.preview", "Show rows as the model will see them, trained tokens highlighted."),
        "purge": ("forgelm.cli.purge", "Erase a row, or what a run left; or report what is kept too long."),
        "quickstart": ("forgelm.cli.quickstart", "Fine-tune the bundled model on bundled data, offline, on a CPU."),
        "recommend": ("forgelm.cli.recommend", "Choose method, batch and adapter for a model and a GPU, as YAML."),
        "reject": ("forgelm.cli.approvals", "Reject a held model, which goes to quarantine."),
        "resume": ("forgelm.cli.resume", "Continue a training, or verify that continuing it changes nothing."),
        "reverse-pii": ("forgelm.cli.reverse_pii", "Find one person in files, however they are written."),
        "revoke": ("forgelm.cli.approvals", "Take an approval back; a final model goes to quarantine."),
        "safety-eval": ("forgelm.cli.safety_eval", "Try a model with harmful and harmless requests; guards judge."),
        "schema": ("forgelm.cli.schema", "Print the JSON Schema of the configuration, for editors."),
        "sign": ("forgelm.cli.sign", "Sign a model folder in the form of OpenSSF Model Signing."),
        "upload": ("forgelm.cli.upload", "Upload a model to the Hugging Face Hub."),
        "verify": ("forgelm.cli.bundle", "Check a bundle or a run folder: everything in it, offline."),
        "verify-annex-iv": ("forgelm.cli.verify_annex_iv", "Check an Annex IV file and the evidence it points to."),
        "verify-audit": ("forgelm.cli.verify", "Check the hash chain of an audit log."),
        "verify-gguf": ("forgelm.cli.verify_gguf", "Check a GGUF file and the digest beside it."),
        "verify-integrity": ("forgelm.cli.verify", "Check a model folder against its integrity manifest."),
        "verify-signature": ("forgelm.cli.sign", "Check a model folder against its signature."),
        "wizard": ("forgelm.cli.wizard", "Ask for what a configuration needs, and write it."),
    }
)


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is run; ``--help`` needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return found

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands without importing any: a shell waits for this at every press of a key."""
        names = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(), help="The YAML file to run.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.FIELD=VALUE", help="Change one value of the file.")
@click.option("--dry-run", is_flag=True, help="Check config, data, model access and output folder; train nothing.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="auto",
    default=None,
    metavar="[CHECKPOINT]",
    help="Continue from a checkpoint; without a path, from the newest complete one.",
)
@click.option("--stage", metavar="NAME", help="With a pipeline: run this stage alone.")
@click.option("--resume-from", metavar="NAME", help="With a pipeline: run this stage and those after it.")
@click.option("--force-resume", is_flag=True, help="With a pipeline: go on although the configuration was changed.")
@click.option("--input-model", type=click.Path(), help="With --stage: the model the stage begins with.")
@click.option("--merge", is_flag=True, help="Merge the models of the section merge; train nothing.")
@click.option("--generate-data", is_flag=True, help="Let a teacher write the rows of the section synthetic.")
@click.option("--fit-check", is_flag=True, help="Estimate the GPU memory of the training; train nothing.")
@click.option("--benchmark-only", metavar="MODEL_PATH", help="Let this model take the benchmarks; train nothing.")
@click.option(
    "--compliance-export",
    is_flag=False,
    flag_value=_NOWHERE,
    default=None,
    metavar="[FOLDER]",
    help=f"Document what is planned and declared (default folder {_HERE}); train nothing.",
)
@click.option("--output", type=click.Path(), help="With --compliance-export: the folder. Before audit: that of audit.")
@click.option("--gpu", metavar="NAME", help="With --fit-check: a GPU that is not here, such as h100-80gb.")
@click.option("--gpus", type=click.IntRange(min=1), metavar="N", help="With --fit-check: so many GPUs share it.")
@click.option("--wizard", is_flag=True, help="The same as the command wizard.")
@click.option("--wizard-start-from", type=click.Path(), help="With --wizard: a configuration to begin with.")
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@click.option("--version", is_flag=True, help="Print the version.")
@shared_options
@click.pass_context
def forgelm(
    context: click.Context,
    /,
    config: str | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    resume: str | None,
    offline: bool,
    **modes: Any,
) -> Reply | None:
    """One YAML in; a fine-tuned model, a verdict on it, and evidence anyone can check.

    \b
    forgelm --config run.yaml            train, judge, document
    forgelm --config run.yaml --dry-run  check everything first
    forgelm quickstart                   see it work on the bundled model
    """
    if modes["version"]:
        found = importlib.import_module("importlib.metadata").version("forgelm")
        return Reply({"success": True, "version": found}, f"ForgeLM {found}")
    if context.invoked_subcommand is not None:
        if context.invoked_subcommand == "audit":
            context.default_map = {"audit": {"output": modes.pop("output")}}
        if config or overrides or dry_run or resume or any(modes.values()) or offline:
            raise click.UsageError(
                "--config, --set, --dry-run, --resume, --merge, --generate-data, --fit-check, --benchmark-only, "
                "--compliance-export, --output, --gpu, --gpus and --offline belong after "
                f"'{context.invoked_subcommand}' where it has them"
            )
        return None
    if modes["wizard"] or modes["wizard_start_from"]:
        return _ask(context, config, modes)
    if config is None:
        raise click.UsageError("give --config FILE or a command")
    wanted = [name for name in _MODES if modes[name[2:].replace("-", "_")]]
    if len(wanted) + bool(dry_run or resume) > 1:
        raise click.UsageError(f"{', '.join(_MODES)}, --dry-run and --resume exclude one another")
    if (modes["gpu"] or modes["gpus"]) and not modes["fit_check"]:
        raise click.UsageError("--gpu and --gpus say what --fit-check is about; give that too")
    if modes["output"] and not modes["compliance_export"]:
        raise click.UsageError("--output says where --compliance-export writes; give that too")
    wishes = {name: modes[name] for name in ("stage", "resume_from", "force_resume", "input_model")}
    if wanted and any(wishes.values()):
        raise click.UsageError(f"{wanted[0]} is about one training; --stage and what goes with it about a pipeline")
    if wanted:
        return _run_mode(config, overrides, offline=offline, modes=modes, options=shared(context))
    run = importlib.import_module("forgelm.cli.train")
    reply: Reply = run.run_config(
        config, overrides, dry_run=dry_run, resume=resume, offline=offline, options=shared(context), wishes=wishes
    )
    return reply


def _ask(context: click.Context, config: str | None, modes: dict[str, Any]) -> Reply:
    """Do what the command wizard does."""
    if not modes["wizard"]:
        raise click.UsageError("--wizard-start-from says what --wizard begins with; give that too")
    if config is not None:
        logging.getLogger("forgelm").warning("--config is not read: --wizard writes a configuration")
    command = importlib.import_module("forgelm.cli.wizard").wizard
    words = ["--start-from", modes["wizard_start_from"]] if modes["wizard_start_from"] else []
    with command.make_context("wizard", words, parent=context) as inner:
        reply: Reply = command.invoke(inner)
    return reply


def _run_mode(
    config: str, overrides: tuple[str, ...], *, offline: bool, modes: dict[str, Any], options: Shared
) -> Reply:
    """Do what one of the modes that train nothing does."""
    reply: Reply
    if modes["fit_check"]:
        fit = importlib.import_module("forgelm.cli.fit_check")
        reply = fit.check_config_fits(config, overrides, offline=offline, gpu=modes["gpu"], gpus=modes["gpus"] or 1)
    elif modes["merge"]:
        reply = importlib.import_module("forgelm.cli.merge").merge_config(config, overrides, offline=offline)
    elif modes["generate_data"]:
        generate = importlib.import_module("forgelm.cli.generate_data")
        reply = generate.generate_data(config, overrides, offline=offline, options=options)
    elif modes["compliance_export"]:
        export = importlib.import_module("forgelm.cli.compliance_export")
        folder = modes["compliance_export"]
        where = {"folder": None if folder == _NOWHERE else folder, "output": modes["output"]}
        reply = export.write_compliance(config, overrides, **where, default=_HERE, offline=offline)
    else:
        benchmark = importlib.import_module("forgelm.cli.benchmark")
        model = modes["benchmark_only"]
        reply = benchmark.benchmark_model(config, overrides, model_path=model, offline=offline, options=options)
    return reply


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code; every outcome prints exactly one reply."""
    code = run(sys.argv[1:] if arguments is None else list(arguments))
    # The reply is out and its code stands, whatever is pressed while the interpreter tidies up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(int(code))


def run(arguments: list[str]) -> ExitCode:
    """Run the command and return its exit code."""
    _use_utf8()
    try:
        code = _run(arguments, as_json=wants_json(arguments))
        return code if read_place().first else _follow(code)
    except BrokenPipeError:
        # The reader went away; what is still buffered must not raise again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.RUNTIME


def _run(arguments: list[str], *, as_json: bool) -> ExitCode:
    try:
        reply = forgelm.main(args=arguments, prog_name="forgelm", standalone_mode=False, obj=Shared())
        if isinstance(reply, Reply):
            show(reply, as_json=as_json)
            return reply.exit_code
        return ExitCode(reply or 0)
    except BrokenPipeError:
        raise
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"see '{context.command_path} --help'" if context else None
        return show_error(ConfigError(error.format_message(), hint=hint), as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        return show_error(RuntimeError("interrupted"), as_json=as_json)
    except Exception as error:  # the top: whatever went wrong becomes one message and an exit code
        logging.getLogger("forgelm").debug("where it went wrong", exc_info=True)
        return show_error(error, as_json=as_json)


def _follow(code: ExitCode) -> ExitCode:
    """Leave the last word to the first process: a launcher ends it as soon as another one fails."""
    if code is ExitCode.STOPPED:
        return ExitCode.OK
    if code is not ExitCode.OK:
        time.sleep(_SECONDS_TO_REPLY)
    return code


def _use_utf8() -> None:
    if os.name == "nt":
        for stream in (sys.stdout, sys.stderr):
            getattr(stream, "reconfigure")(encoding="utf-8", errors="replace")  # noqa: B009
