"""``forgelm quickstart``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.assist.chat import Conversation, open_model
from forgelm.assist.quickstart import QuickstartReport, run_quickstart, write_quickstart
from forgelm.assist.starters import Started, choose_model, largest_gpu_gb, log_choice, write_starter
from forgelm.assist.templates import ORDERS, TEMPLATES, Template
from forgelm.base.errors import ConfigError, ExitCode, ForgeError
from forgelm.base.network import is_offline
from forgelm.cli.chat import converse
from forgelm.cli.options import Shared, shared, shared_options
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, note, show, table
from forgelm.cli.train import exit_code, reply_to, run_config
from forgelm.model.hardware import detect_hardware
from forgelm.run.stop import StopRequest, stop_on_signals

_SHOWN = 3


@click.command()
@click.argument("template", default=ORDERS.name)
@click.option("--list", "list_templates", is_flag=True, help="Print the templates.")
@click.option("--model", metavar="ID", help="Another model than the one chosen for this machine; not with orders.")
@click.option("--dataset", metavar="PATH", help="Your own rows: a file, a folder or a hub id; not with orders.")
@click.option("--output", type=click.Path(), help="Where to write the config; data and run go beside it.")
@click.option("--dry-run", is_flag=True, help="Write config and data only.")
@click.option("--no-chat", is_flag=True, help="Don't open a chat with the model after training, as on a terminal.")
@shared_options
def quickstart(
    template: str,
    list_templates: bool,
    model: str | None,
    dataset: str | None,
    output: str | None,
    dry_run: bool,
    no_chat: bool,
) -> Reply:
    """Fine-tune the bundled model on bundled data: offline, on a CPU, in about a minute. Or begin from a template."""
    if list_templates:
        return _list_templates()
    if template not in TEMPLATES:
        raise ConfigError(f"there is no template {template!r}", hint=f"one of: {', '.join(TEMPLATES)}")
    chosen, options = TEMPLATES[template], shared(click.get_current_context())
    if chosen is ORDERS and (model or dataset):
        raise ConfigError(f"{template} has its own model and rows", hint="--model and --dataset go with the others")
    if not dry_run:
        detect_hardware()  # says that the extra is missing before anything is written
    if chosen is ORDERS:
        started = write_quickstart(output)
    else:
        choice = choose_model(chosen, largest_gpu_gb(), model=model, offline=is_offline())
        started = write_starter(chosen, choice, dataset=dataset, output=output)
    log_choice(chosen, started, dry_run=dry_run)
    about = _describe(chosen, started, dry_run=dry_run)
    if dry_run:
        said = f"{_announce(chosen, started)}\nrun it with: forgelm --config {started.config_path}"
        return Reply({"success": True, **about}, said)
    note(_announce(chosen, started))
    reply = _run_orders(started, options) if chosen is ORDERS else _run_starter(started, options)
    reply = Reply({**reply.envelope, **about}, reply.text, reply.exit_code)
    return reply if no_chat or options.as_json else _open_chat(reply)


def _list_templates() -> Reply:
    listed = [item.as_record() for item in TEMPLATES.values()]
    text = table([(item.name, f"{item.title}. {item.description}") for item in TEMPLATES.values()])
    return Reply({"success": True, "templates": listed, "count": len(listed)}, text)


def _describe(template: Template, started: Started, *, dry_run: bool) -> dict[str, object]:
    return {
        "template": template.name,
        "config_path": started.config_path,
        "model": started.choice.model,
        "dataset": started.dataset,
        "selection_reason": started.choice.reason,
        "dry_run": dry_run,
        "chat_launched": False,
        "notes": [template.warning] if template.warning else [],
    }


def _announce(template: Template, started: Started) -> str:
    lines = [f"wrote {started.config_path}", f"model {started.choice.model}: {started.choice.reason}"]
    return "\n".join([*lines, *([template.warning] if template.warning else [])])


def _run_orders(started: Started, options: Shared) -> Reply:
    stop = StopRequest()
    with contextlib.redirect_stdout(sys.stderr), stop_on_signals(stop), Reporter(options) as reporter:
        report = run_quickstart(Path(started.config_path), listen=reporter, stop=stop)
    return Reply(_envelope(report), _text(report), exit_code(report.result))


def _run_starter(started: Started, options: Shared) -> Reply:
    return run_config(started.config_path, (), dry_run=False, resume=None, offline=False, options=options)


def _open_chat(reply: Reply) -> Reply:
    """On a terminal, say how the training ended and talk with the model; the exit code stays the training's."""
    model = reply.envelope.get("final_model_path")
    if reply.exit_code is not ExitCode.OK or not model or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return reply
    show(reply, as_json=False)
    note(f"\ntalking with {model}")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            opened = open_model(str(model), offline=True)
        converse(Conversation(opened))
    except ForgeError as error:
        note(f"error: no chat: {error}")
    return Reply({}, "", reply.exit_code)


def _envelope(report: QuickstartReport) -> dict[str, object]:
    return {
        **_reply(report).envelope,
        "exact_match_before": report.exact_match_before,
        "exact_match_after": report.exact_match_after,
        "held_out_rows": report.held_out_rows,
        "answers": [asdict(answer) for answer in report.answers],
        "seconds": report.seconds,
    }


def _reply(report: QuickstartReport) -> Reply:
    return reply_to(report.result, report.folder)


def _text(report: QuickstartReport) -> str:
    lines = ["", "Held-out answers:"]
    for answer in report.answers[:_SHOWN]:
        lines += ["", f"  guest   {answer.question}", f"  before  {answer.before}", f"  after   {answer.after}"]
    before, after = report.exact_match_before, report.exact_match_after
    lines += [
        "",
        f"Exact match on {report.held_out_rows} unseen rows: {before:.2f} before, {after:.2f} after",
        f"Took {report.seconds:.0f} s.",
        "",
        _reply(report).text,
        "",
        f"Your own: edit {report.config_path}, then: forgelm --config {report.config_path}",
    ]
    return "\n".join(lines)
