"""``forgelm quickstart``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import click

from forgelm.assist.quickstart import TEMPLATES, QuickstartReport, run_quickstart, write_quickstart
from forgelm.assist.starters import EMBEDDED, STARTERS, Started, choose_model, largest_gpu_gb, write_starter
from forgelm.base.errors import ConfigError
from forgelm.base.network import is_offline
from forgelm.cli.options import Shared, shared, shared_options
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, note, table
from forgelm.cli.train import exit_code, reply_to, run_config
from forgelm.model.hardware import detect_hardware
from forgelm.run.stop import StopRequest, stop_on_signals

_SHOWN = 3


_ORDERS = MappingProxyType(
    {
        "description": "Uses nothing but this package: model, rows and held-out questions; runs on a CPU.",
        "primary_model": EMBEDDED,
        "fallback_model": EMBEDDED,
        "trainer_type": "sft",
        "estimated_minutes": 1,
        "min_vram_for_primary_gb": 0.0,
        "bundled_dataset": True,
        "license_note": "Model and rows were made for ForgeLM: Apache-2.0.",
    }
)


@click.command()
@click.argument("template", default="orders")
@click.option("--list", "list_templates", is_flag=True, help="Print the templates.")
@click.option("--model", metavar="ID", help="Another model than the one chosen for this machine; not with orders.")
@click.option("--dataset", metavar="PATH", help="Your own rows: a file, a folder or a hub id; not with orders.")
@click.option("--output", type=click.Path(), help="Where to write the config; data and run go beside it.")
@click.option("--dry-run", is_flag=True, help="Write config and data only.")
@shared_options
@click.pass_context
def quickstart(
    context: click.Context,
    template: str,
    list_templates: bool,
    model: str | None,
    dataset: str | None,
    output: str | None,
    dry_run: bool,
) -> Reply:
    """Fine-tune the bundled model on bundled data: offline, on a CPU, in about a minute. Or begin from a template."""
    if list_templates:
        return _list_templates()
    if template in STARTERS:
        if not dry_run:
            detect_hardware()
        choice = choose_model(STARTERS[template], largest_gpu_gb(), model=model, offline=is_offline())
        started = write_starter(STARTERS[template], choice, dataset=dataset, output=output)
        return _begin(template, started, dry_run=dry_run, options=shared(context))
    if template not in TEMPLATES:
        known = ", ".join([*TEMPLATES, *STARTERS])
        raise ConfigError(f"there is no template {template!r}", hint=f"one of: {known}")
    if model or dataset:
        raise ConfigError(f"{template} has its own model and rows", hint="--model and --dataset go with the others")
    options = shared(context)
    if not dry_run:
        detect_hardware()  # says that the extra is missing before anything is written
    path = write_quickstart(template, output)
    if dry_run:
        envelope = {"success": True, "template": template, "config_path": str(path), "dry_run": True}
        return Reply(envelope, f"wrote {path}\nrun it with: forgelm --config {path}")
    stop = StopRequest()
    with contextlib.redirect_stdout(sys.stderr), stop_on_signals(stop), Reporter(options) as reporter:
        report = run_quickstart(path, listen=reporter, stop=stop)
    return Reply(_envelope(template, report), _text(report), exit_code(report.result))


def _list_templates() -> Reply:
    orders = [{"name": item.name, "title": item.title, **_ORDERS} for item in TEMPLATES.values()]
    others = [{k: v for k, v in asdict(item).items() if k != "settings"} for item in STARTERS.values()]
    listed = [*orders, *others]
    text = table([(str(item["name"]), f"{item['title']}. {item['description']}") for item in listed])
    return Reply({"success": True, "templates": listed, "count": len(listed)}, text)


def _begin(template: str, started: Started, *, dry_run: bool, options: Shared) -> Reply:
    """Train on what was written, unless it is for another day; a failure is the run's own."""
    about: dict[str, object] = {
        "template": template,
        "config_path": started.config_path,
        "model": started.choice.model,
        "dataset": started.dataset,
        "selection_reason": started.choice.reason,
        "dry_run": dry_run,
        "chat_launched": False,
        "notes": [],
    }
    said = f"wrote {started.config_path}\nmodel {started.choice.model}: {started.choice.reason}"
    if dry_run:
        return Reply({"success": True, **about}, f"{said}\nrun it with: forgelm --config {started.config_path}")
    note(said)
    reply = run_config(started.config_path, (), dry_run=False, resume=None, offline=False, options=options)
    return Reply({**reply.envelope, **about}, reply.text, reply.exit_code)


def _envelope(template: str, report: QuickstartReport) -> dict[str, object]:
    return {
        **reply_to(report.result).envelope,
        "template": template,
        "config_path": report.config_path,
        "dry_run": False,
        "exact_match_before": report.exact_match_before,
        "exact_match_after": report.exact_match_after,
        "held_out_rows": report.held_out_rows,
        "answers": [asdict(answer) for answer in report.answers],
        "seconds": report.seconds,
    }


def _text(report: QuickstartReport) -> str:
    run = Path(str(report.result.output_dir)).parent
    lines = ["", "Held-out answers:"]
    for answer in report.answers[:_SHOWN]:
        lines += ["", f"  guest   {answer.question}", f"  before  {answer.before}", f"  after   {answer.after}"]
    before, after = report.exact_match_before, report.exact_match_after
    lines += [
        "",
        f"Exact match on {report.held_out_rows} unseen rows: {before:.2f} before, {after:.2f} after",
        f"Took {report.seconds:.0f} s.",
        "",
        reply_to(report.result).text,
        "",
        "Evidence:",
        table(
            [
                ("  log", f"{run / 'audit_log.jsonl'}"),
                ("  check it", f"forgelm verify-audit {run / 'audit_log.jsonl'}"),
                ("  model", f"forgelm verify-integrity {report.result.output_dir}"),
                ("  manifest", f"{run / 'compliance' / 'compliance_report.json'}"),
                ("  your own", f"edit {report.config_path}, then: forgelm --config {report.config_path}"),
            ]
        ),
    ]
    return "\n".join(lines)
