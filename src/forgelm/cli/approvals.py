"""``forgelm approvals``, ``approve``, ``reject`` and ``revoke``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, count, table
from forgelm.evidence.approval import CaseStatus
from forgelm.publish.approvals import PendingModel, ShownRun, list_pending, show_run
from forgelm.publish.decide import Decided, approve_run, reject_run, revoke_run
from forgelm.publish.desk import Opinion
from forgelm.run.notify import open_messenger, tell_decision

_DAY, _HOUR, _MINUTE = 86400, 3600, 60


@click.command()
@click.option("--pending", is_flag=True, help="List the models that wait for a decision, newest first.")
@click.option("--show", metavar="RUN_ID", help="Show everything the log says about one held model.")
@click.option("--output-dir", required=True, type=click.Path(), help="The run's training.output_dir.")
@shared_options
def approvals(pending: bool, show: str | None, output_dir: str) -> Reply:
    """List the models that wait for a person, or show one."""
    if pending == (show is not None):
        raise click.UsageError("give --pending or --show RUN_ID")
    return _show(show_run(output_dir, show), output_dir) if show is not None else _list(list_pending(output_dir))


def _deciding(name: str, decide: Callable[..., Decided], text: str) -> click.Command:
    """Return the command that makes one kind of decision; the three differ in nothing else."""

    @click.command(name, help=text, short_help=text)
    @click.argument("run_id")
    @click.option("--output-dir", required=True, type=click.Path(), help="The run's training.output_dir.")
    @click.option("--comment", default="", metavar="TEXT", help="The reason, for the log.")
    @click.option("--role", default="", metavar="TEXT", help="In which role you decide, for the log.")
    @click.option("--key", type=click.Path(), help="Private key to sign with; else this account's, if it has one.")
    @click.option("--config", type=click.Path(), help="The run's YAML file, where its webhook's URL stands in it.")
    @shared_options
    def command(run_id: str, output_dir: str, comment: str, role: str, key: str | None, config: str | None) -> Reply:
        messenger = open_messenger(output_dir, config)
        decided = decide(output_dir, run_id, Opinion(comment, role, key))
        tell_decision(decided, output_dir, messenger)
        return _render(decided)

    return command


approve = _deciding("approve", approve_run, "Approve a held model, which makes it final.")
reject = _deciding("reject", reject_run, "Reject a held model, which goes to quarantine.")
revoke = _deciding("revoke", revoke_run, "Take an approval back; a final model goes to quarantine.")


def _render(decided: Decided) -> Reply:
    path = str(decided.path) if decided.path else None
    envelope: dict[str, Any] = {
        "success": True,
        "run_id": decided.run_id,
        "status": decided.status,
        "approver": decided.approver,
        "comment": decided.comment,
        "model_root": decided.model_root,
        "signed_by": decided.key,
    }
    if decided.status is CaseStatus.GRANTED:
        superseded = str(decided.superseded) if decided.superseded else None
        envelope |= {"final_model_path": path, "promote_strategy": decided.strategy, "superseded": superseded}
    elif decided.status is CaseStatus.PENDING:
        envelope |= {"staging_path": path, "needed": decided.needed}
    else:
        envelope |= {"staging_path": decided.staging_path, "quarantine_path": path}
    rows = [
        ("status", str(decided.status).upper()),
        ("model", str(path)),
        ("run", decided.run_id),
        ("by", decided.approver + (", signed" if decided.key else "")),
        ("seal", decided.model_root),
    ]
    if decided.needed:
        rows.insert(1, ("still needed", count(decided.needed, "approval", "approvals")))
    return Reply(envelope, table(rows), ExitCode.AWAITING_APPROVAL if decided.needed else ExitCode.OK)


def _list(pending: list[PendingModel]) -> Reply:
    envelope = {"success": True, "pending": [asdict(one) for one in pending], "count": len(pending)}
    if not pending:
        return Reply(envelope, "No model waits for a decision.")
    lines = [("RUN_ID", "AGE", "REQUESTED_AT", "GATES", "APPROVED", "STAGING")]
    for one in pending:
        gates = {True: "passed", False: "NOT PASSED", None: "-"}[one.gates_passed]
        staging = one.staging_path if one.staging_exists else f"{one.staging_path} (missing)"
        age = f"{_age(one.age_seconds)}{' (expired)' if one.expired else ''}"
        lines.append((one.run_id, age, one.requested_at[:19], gates, f"{one.approved}/{one.needed}", staging))
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    shown = ["  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return Reply(envelope, "\n".join(shown))


def _show(shown: ShownRun, output_dir: str) -> Reply:
    check = shown.check
    envelope: dict[str, Any] = {
        "success": shown.corruption is None and (check is None or check.valid),
        "run_id": shown.run_id,
        "status": shown.status,
        "chain": list(shown.chain),
        "staging_contents": list(shown.staging_contents),
        "documents": list(shown.documents),
        "problems": list(check.problems) if check else [],
        "not_checked": list(check.not_checked) if check else [],
    }
    if shown.corruption is not None:
        envelope |= {"corrupted": True, "corruption_detail": shown.corruption}
    request = shown.chain[0]
    rows = [("run", shown.run_id), ("status", str(shown.status).upper()), ("seal", str(request.get("model_root")))]
    rows += [(f"  {gate['gate']}", f"{gate['status']}: {gate['reason']}") for gate in request.get("gates") or []]
    rows += [(name, f"{value:.4f}") for name, value in (request.get("metrics") or {}).items()]
    if shown.documents:
        first = next((name for name in shown.documents if name.endswith("index.html")), shown.documents[0])
        rows.append(("read", f"{output_dir}/{first} ({count(len(shown.documents), 'document', 'documents')})"))
    for entry in shown.chain:
        who = entry.get("approver") or entry.get("operator")
        said = "".join(f", {entry[name]}" for name in ("role", "comment") if entry.get(name))
        rows.append((str(entry["timestamp"])[:19], f"{entry['event']} by {who}{said}"))
    rows += [("PROBLEM", problem) for problem in envelope["problems"]]
    rows += [("not checked", what) for what in envelope["not_checked"]]
    if shown.corruption is not None:
        rows.append(("PROBLEM", f"the log does not hold: {shown.corruption}"))
    return Reply(envelope, table(rows), ExitCode.OK if envelope["success"] else ExitCode.INTEGRITY)


def _age(seconds: int) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
