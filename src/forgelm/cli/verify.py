"""``forgelm verify-audit`` and ``forgelm verify-integrity``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply
from forgelm.evidence.chain import verify_audit_log
from forgelm.evidence.inventory import verify_integrity as check_integrity


@click.command("verify-audit")
@click.argument("log_path", type=click.Path())
@click.option(
    "--hmac-secret-env",
    default="FORGELM_AUDIT_SECRET",
    show_default=True,
    metavar="VAR",
    help="Environment variable that holds the HMAC secret.",
)
@click.option("--require-hmac", is_flag=True, help="Fail unless the secret is set and every line carries a valid tag.")
@shared_options
def verify_audit(log_path: str, hmac_secret_env: str, require_hmac: bool) -> Reply:
    """Check the hash chain of an audit log."""
    secret = os.environ.get(hmac_secret_env) or None
    if require_hmac and secret is None:
        raise ConfigError(f"--require-hmac needs a secret, and ${hmac_secret_env} is not set")
    _need(Path(log_path), kind="file")
    result = verify_audit_log(log_path, hmac_secret=secret, require_hmac=require_hmac)
    place = f"line {result.first_invalid_index}: " if result.first_invalid_index is not None else ""
    envelope = {
        "success": result.valid,
        "valid": result.valid,
        "entries_count": result.entries_count,
        "hmac_verified": result.hmac_verified,
        "chain_head": result.chain_head,
        "errors": [] if result.valid else [f"{place}{result.reason}"],
    }
    if result.valid:
        tagged = " (HMAC validated)" if result.hmac_verified else ""
        entries = _count(result.entries_count, "entry", "entries")
        return Reply(envelope, f"OK: {entries} verified{tagged}\nhead: {result.chain_head}")
    place = f" at line {result.first_invalid_index}" if result.first_invalid_index is not None else ""
    code = ExitCode.INTEGRITY if result.failure == "integrity" else ExitCode.CONFIG
    return Reply(envelope, f"FAIL{place}: {result.reason}", code)


@click.command("verify-integrity")
@click.argument("model_dir", type=click.Path())
@shared_options
def verify_integrity(model_dir: str) -> Reply:
    """Check every file of a model folder against model_integrity.json."""
    _need(Path(model_dir), kind="folder")
    result = check_integrity(model_dir)
    envelope = {"success": result.valid, **asdict(result), "path": model_dir}
    if result.valid:
        return Reply(envelope, f"OK: {_count(result.verified_count, 'file', 'files')} verified")
    lines = [f"FAIL: {result.reason}"]
    for name in ("changed", "removed", "added"):
        lines += [f"  {name}: {file}" for file in getattr(result, name)]
    return Reply(envelope, "\n".join(lines), ExitCode.INTEGRITY)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _need(path: Path, *, kind: str) -> None:
    right = path.is_file() if kind == "file" else path.is_dir()
    if not right:
        raise ConfigError(f"{path} is not a {kind}" if path.exists() else f"there is no {kind} {path}")
