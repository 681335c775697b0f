"""``forgelm purge``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from forgelm.base.files import RunFiles
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.evidence.erasure.impact import Impact
from forgelm.evidence.erasure.purge import PurgeKind, RowOrder, purge_row, purge_run
from forgelm.evidence.erasure.retention import find_overdue, raw_documents


@click.command()
@click.option("--row-id", metavar="ID", help="Erase the row of --corpus whose id or row_id this is.")
@click.option("--run-id", metavar="RUN", help="Erase what --kind names of this run.")
@click.option(
    "--check-policy", is_flag=True, help="Report what is older than the section retention of --config allows."
)
@click.option("--corpus", type=click.Path(), help="The JSON-lines file the row stands in.")
@click.option("--kind", type=click.Choice([str(kind) for kind in PurgeKind]), help="What of the run.")
@click.option(
    "--row-matches",
    type=click.Choice(["one", "all"]),
    default="one",
    show_default=True,
    help="one refuses when several rows have the id.",
)
@click.option("--output-dir", type=click.Path(), help="Where log and keys are; else the corpus's folder, or this one.")
@click.option("--config", type=click.Path(), help="The YAML file with the section retention, and webhook.")
@click.option("--justification", default="", metavar="TEXT", help="Why, for the log; personal data in it is masked.")
@click.option("--impact", is_flag=True, help="Show what saw the row: runs, models, what can be done and by when.")
@click.option("--runs", multiple=True, type=click.Path(), help="Folder of runs to look through (repeatable).")
@click.option("--received", type=click.DateTime(["%Y-%m-%d"]), help="Day of the person's request; else today.")
@click.option("--destroy-key", is_flag=True, help="Also destroy the key by which the log can be linked to the row.")
@click.option("--dry-run", is_flag=True, help="Erase nothing; the question is logged all the same.")
@shared_options
def purge(
    row_id: str | None, run_id: str | None, check_policy: bool, corpus: str | None, kind: str | None, **more: Any
) -> Reply:
    """Erase a row, or what a run left; or report what is kept too long."""
    if [row_id is not None, run_id is not None, check_policy].count(True) != 1:
        raise click.UsageError("give exactly one of --row-id, --run-id and --check-policy")
    config = load_config(more["config"]) if more["config"] else None
    if row_id is not None:
        if corpus is None:
            raise click.UsageError("--row-id needs --corpus FILE")
        return _row(row_id, corpus, more, config)
    if run_id is not None:
        if kind is None:
            raise click.UsageError("--run-id needs --kind")
        return _run(run_id, PurgeKind(kind), more)
    if config is None:
        raise click.UsageError("--check-policy needs --config FILE")
    return _policy(config, more["output_dir"])


def show_impact(impact: Impact) -> list[tuple[str, str]]:
    """Return what a person's erasure touches, as rows of a table."""
    rows = [("looked through", f"{impact.looked_through} runs")]
    for run in impact.runs:
        seen = ", ".join(
            f"{row.file}:{row.line} ({row.split}{', trained on' if row.trained else ''})" for row in run.rows
        )
        rows.append(("run", f"{run.run_id}: {seen or f'trained on a model of {run.through}'}"))
        rows += [("  model", f"{model.kind}: {model.path}") for model in run.models]
        rows += [("  export", name) for model in run.models for name in model.exports]
    rows += [("option", f"{o.option}: {o.what}{f' ({o.command})' if o.command else ''}") for o in impact.options]
    rows.append(("answer by", f"{impact.deadline}; {impact.latest_if_extended} when extended (GDPR, Article 12(3))"))
    return rows + [("not known", what) for what in impact.not_known]


def as_date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _row(row_id: str, corpus: str, more: dict[str, Any], config: ForgeConfig | None) -> Reply:
    order = RowOrder(
        row_id=row_id,
        corpus=corpus,
        output_dir=more["output_dir"],
        every_match=more["row_matches"] == "all",
        justification=more["justification"],
        dry_run=more["dry_run"],
        destroy_key=more["destroy_key"],
        runs=more["runs"],
        received=as_date(more["received"]),
    )
    done = purge_row(order, config)
    envelope: dict[str, Any] = {
        "success": True,
        "mode": "row",
        "dry_run": done.dry_run,
        "row_id_hash": done.row_id_hash,
        "salt_source": done.salt_source,
        "corpus_path": done.corpus_path,
        "matches": done.matches,
        "first_line": done.first_line,
        "lines": list(done.lines),
        "matched_by": done.rule,
        "key_destroyed": done.key_destroyed,
        "warnings": list(done.warnings),
        **({} if done.bytes_freed is None else {"bytes_freed": done.bytes_freed}),
        **({"impact": done.impact.as_record()} if more["impact"] else {}),
    }
    verb = "would erase" if done.dry_run else "erased"
    lines = ", ".join(map(str, done.lines))
    rows = [(verb, f"{done.corpus_path}, line {lines} (id {done.rule})"), ("log knows it as", done.row_id_hash)]
    rows += show_impact(done.impact) if more["impact"] else []
    return Reply(envelope, table(rows + [("warning", warning) for warning in done.warnings]))


def _run(run_id: str, kind: PurgeKind, more: dict[str, Any]) -> Reply:
    output = more["output_dir"] or "."
    done = purge_run(output, run_id, kind, justification=more["justification"], dry_run=more["dry_run"])
    envelope: dict[str, Any] = {"success": True, "mode": "run", "kind": kind, "dry_run": done.dry_run, "run_id": run_id}
    if done.dry_run:
        envelope["would_delete"] = list(done.paths)
    else:
        envelope |= {"deleted": list(done.paths), "bytes_freed": done.bytes_freed}
    verb = "would delete" if done.dry_run else "deleted"
    return Reply(envelope, table([(verb, path) for path in done.paths] + [("bytes", str(done.bytes_freed))]))


def _policy(config: ForgeConfig, output_dir: str | None) -> Reply:
    if config.retention is None:
        note = "the configuration has no section retention: nothing was promised"
        return Reply({"success": True, "violations": [], "count": 0, "note": note}, note)
    root = Path(output_dir or config.training.output_dir).absolute()
    files = RunFiles(root, config.training.final_model_dir)
    found = find_overdue(files, config.retention, documents=raw_documents(config.data))
    envelope = {"success": True, "violations": [asdict(one) for one in found], "count": len(found)}
    if not found:
        return Reply(envelope, "Nothing is kept longer than the section retention allows.")
    said = [(one.artefact_kind, f"{one.path}: {one.age_days:.1f} days, allowed {one.horizon_days}") for one in found]
    return Reply(envelope, table(said))
