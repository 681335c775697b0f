"""``forgelm verify-annex-iv``."""

from __future__ import annotations

from dataclasses import asdict

import click

from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply
from forgelm.evidence.documents.annex_iv_items import ITEMS
from forgelm.evidence.documents.verify_annex_iv import VerifyAnnexIVResult, verify_annex_iv_artifact


@click.command("verify-annex-iv")
@click.argument("path", type=click.Path())
@shared_options
def verify_annex_iv(path: str) -> Reply:
    """Check that every item of an Annex IV file is filled and its evidence is what it was."""
    result = verify_annex_iv_artifact(path)
    envelope = {"success": result.valid, **asdict(result), "path": path}
    if result.valid:
        return Reply(envelope, f"OK: {_describe(result)}, evidence unchanged")
    lines = [f"FAIL: {_describe(result)}"]
    lines += [f"  missing: {key} {ITEMS[key].title if key in ITEMS else ''}".rstrip() for key in result.missing_fields]
    lines += [f"  changed or gone: the evidence of {key}" for key in result.mismatched]
    if result.manifest_hash_expected not in (None, result.manifest_hash_actual):
        lines.append(f"  changed: hash {result.manifest_hash_actual}, expected {result.manifest_hash_expected}")
    code = ExitCode.INTEGRITY if result.failure == "integrity" else ExitCode.CONFIG
    return Reply(envelope, "\n".join(lines), code)


def _describe(result: VerifyAnnexIVResult) -> str:
    counts = ((key, number) for key, number in result.coverage.items() if key != "total")
    return f"{result.coverage['total']} items, " + ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts)
