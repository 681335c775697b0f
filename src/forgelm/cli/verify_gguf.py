"""``forgelm verify-gguf``."""

from __future__ import annotations

import click

from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.publish.gguf.verify import VerifyGgufResult
from forgelm.publish.gguf.verify import verify_gguf as check_gguf


@click.command("verify-gguf")
@click.argument("path", type=click.Path())
@shared_options
def verify_gguf(path: str) -> Reply:
    """Check a GGUF file: header, tensor catalogue, tokenizer, and the digest beside it."""
    result = check_gguf(path)
    envelope = {
        "success": result.valid,
        "valid": result.valid,
        "reason": result.reason,
        "checks": result.checks,
        "path": path,
    }
    if result.valid:
        return Reply(envelope, _describe(result))
    code = ExitCode.INTEGRITY if result.failure == "integrity" else ExitCode.CONFIG
    return Reply(envelope, f"FAIL: {result.reason}", code)


def _describe(result: VerifyGgufResult) -> str:
    checks = result.checks
    kinds = ", ".join(f"{count} {kind}" for kind, count in checks["tensor_types"].items())
    sidecar = "matches the digest beside it" if checks["sidecar_present"] else "there is no digest beside it"
    rows = [
        ("OK", f"GGUF version {checks['version']}, {checks['architecture']}"),
        ("tensors", f"{checks['tensor_count']} ({kinds})"),
        ("sha256", f"{checks['sha256_actual']} ({sidecar})"),
    ]
    return table(rows)
