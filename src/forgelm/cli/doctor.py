"""``forgelm doctor``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict

import click

from forgelm.assist.doctor.check import Diagnosis, Status
from forgelm.assist.doctor.diagnose import diagnose
from forgelm.base.errors import ExitCode
from forgelm.cli.options import json_option, shared_options
from forgelm.cli.render import Reply


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Look at the hub's cache instead of asking the hub.")
@json_option
@shared_options
def doctor(offline: bool) -> Reply:
    """Look this machine over: what is installed, what it can compute with, reach and write, and how to mend it."""
    with contextlib.redirect_stdout(sys.stderr):
        found = diagnose(offline=offline)
    return Reply(_envelope(found), _render(found), _exit_code(found))


def _exit_code(found: Diagnosis) -> ExitCode:
    if found.count(Status.CRASHED):
        return ExitCode.RUNTIME
    return ExitCode.CONFIG if found.count(Status.FAIL) else ExitCode.OK


def _envelope(found: Diagnosis) -> dict[str, object]:
    healthy = _exit_code(found) is ExitCode.OK
    return {"success": healthy, "checks": [asdict(check) for check in found.checks], "summary": found.summary}


def _render(found: Diagnosis) -> str:
    width = max(len(check.name) for check in found.checks)
    lines = []
    for check in found.checks:
        lines.append(f"{check.status:<7}  {check.name:<{width}}  {check.detail}")
        if check.fix:
            lines.append(f"{'':<7}  {'':<{width}}  fix: {check.fix}")
    counts = ", ".join(f"{number} {status}" for status, number in found.summary.items())
    return "\n".join([*lines, "", counts])
