"""``forgelm reverse-pii``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from forgelm.cli.options import shared_options
from forgelm.cli.purge import as_date, show_impact
from forgelm.cli.render import Reply, note, table
from forgelm.evidence.erasure.identifiers import IdentifierType
from forgelm.evidence.erasure.search import AccessRequest, search_person


@click.command("reverse-pii")
@click.argument("files", nargs=-1, required=True)
@click.option("--query", required=True, metavar="VALUE", help="The identifier to look for.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([str(kind) for kind in IdentifierType]),
    default="literal",
    show_default=True,
    help="What it is: which spellings are the same. custom is a regular expression (RE2).",
)
@click.option(
    "--salt-source",
    type=click.Choice(["per_dir", "env_var"]),
    help="Look for the log's commitment to VALUE instead: its key is in --output-dir, or in FORGELM_SUBJECT_KEYS.",
)
@click.option("--output-dir", type=click.Path(), help="Where keys are; else the first file's folder.")
@click.option("--audit-dir", type=click.Path(), help="Where the question is logged; else --output-dir.")
@click.option("--impact", is_flag=True, help="Show which runs and models saw what was found.")
@click.option("--runs", multiple=True, type=click.Path(), help="Folder of runs to look through (repeatable).")
@click.option("--received", type=click.DateTime(["%Y-%m-%d"]), help="Day of the person's request; else today.")
@shared_options
def reverse_pii(
    files: tuple[str, ...], query: str, kind: str, salt_source: Any, received: datetime | None, **more: Any
) -> Reply:
    """Find one person in files: every line that holds an identifier, however it is written."""
    if more["output_dir"] is None:
        note("warning: without --output-dir, keys and log are beside the first file")
    runs = more["runs"] or ((more["output_dir"] or ".",) if more["impact"] else ())
    report = search_person(
        files,
        AccessRequest(
            query=query,
            kind=IdentifierType(kind),
            hashed=salt_source,
            output_dir=more["output_dir"],
            audit_dir=more["audit_dir"],
            runs=runs if more["impact"] else (),
            received=as_date(received),
        ),
    )
    envelope: dict[str, Any] = {
        "success": True,
        "query_hash": report.query_hash,
        "identifier_type": report.identifier_type,
        "scan_mode": report.scan_mode,
        "salt_source": report.salt_source,
        "matches": [asdict(match) for match in report.matches],
        "files_scanned": [{"path": path, "match_count": count} for path, count in report.files_scanned],
        "match_count": report.match_count,
    }
    rows = [(f"{match.file}:{match.line}", match.snippet) for match in report.matches]
    rows.append(("found", f"{report.match_count} in {len(report.files_scanned)} files"))
    if report.impact is not None:
        envelope["impact"] = report.impact.as_record()
        rows += show_impact(report.impact)
    return Reply(envelope, table(rows))
