"""``forgelm verify-annex-iv``."""

from __future__ import annotations

from dataclasses import asdict

import click

from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply
from forgelm.evidence.documents.annex_iv_items import ITEMS
from forgelm.evidence.documents.verify_annex_iv import VerifyAnnexIVResult, verify_annex_iv_artifact
from forgelm.evidence.pipeline.verify import PipelineVerification, verify_pipeline


@click.command("verify-annex-iv")
@click.argument("path", type=click.Path())
@click.option("--pipeline", is_flag=True, help="PATH is a pipeline's folder: check its manifest and every stage's.")
@shared_options
def verify_annex_iv(path: str, pipeline: bool) -> Reply:
    """Check that every item of an Annex IV file is filled and its evidence is what it was."""
    if pipeline:
        return _reply_for_pipeline(verify_pipeline(path))
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


def _reply_for_pipeline(result: PipelineVerification) -> Reply:
    envelope = {"success": result.success, "mode": "pipeline", **asdict(result)}
    if not result.success:
        lines = ["FAIL: the pipeline's manifest does not hold", *(f"  {violation}" for violation in result.violations)]
        code = ExitCode.INTEGRITY if result.failure == "integrity" else ExitCode.CONFIG
        return Reply(envelope, "\n".join(lines), code)
    log = result.audit_corroboration
    word = "OK" if result.hash_state == "verified" and not result.evidence_unverified else "OK (UNVERIFIED)"
    text = f"{word}: {result.stages_examined} of {result.stages_total} stages completed, evidence unchanged"
    return Reply(envelope, f"{text}\n  audit log: {log.outcome}, {log.reason}" if log else text)


def _describe(result: VerifyAnnexIVResult) -> str:
    counts = ((key, number) for key, number in result.coverage.items() if key != "total")
    return f"{result.coverage['total']} items, " + ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in counts)
