"""``forgelm quickstart``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.assist.quickstart import TEMPLATES, QuickstartReport, run_quickstart, write_quickstart
from forgelm.cli.options import shared, shared_options
from forgelm.cli.progress import Reporter
from forgelm.cli.render import Reply, table
from forgelm.cli.train import exit_code, reply_to
from forgelm.model.hardware import detect_hardware
from forgelm.run.stop import StopRequest, stop_on_signals

_SHOWN = 3


@click.command()
@click.argument("template", default="orders")
@click.option("--list", "list_templates", is_flag=True, help="Print the templates.")
@click.option("--output", type=click.Path(), help="Where to write the config; data and run go beside it.")
@click.option("--dry-run", is_flag=True, help="Write config and data only.")
@shared_options
@click.pass_context
def quickstart(context: click.Context, template: str, list_templates: bool, output: str | None, dry_run: bool) -> Reply:
    """Fine-tune the bundled model on bundled data: offline, on a CPU, in about a minute."""
    if list_templates:
        listed = [asdict(item) for item in TEMPLATES.values()]
        text = table([(item.name, item.title) for item in TEMPLATES.values()])
        return Reply({"success": True, "templates": listed, "count": len(listed)}, text)
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
