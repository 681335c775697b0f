"""``forgelm verify-audit`` and ``forgelm verify-integrity``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, count
from forgelm.cli.trust_options import log_options
from forgelm.evidence.anchor import read_anchors
from forgelm.evidence.chain import VerifyResult, verify_audit_log
from forgelm.evidence.inventory import verify_integrity as check_integrity
from forgelm.evidence.keys import read_public_key


@click.command("verify-audit")
@click.argument("log_path", type=click.Path())
@click.option("--require-hmac", is_flag=True, help="Fail unless the secret is set and every line carries a valid tag.")
@click.option("--require-closed", is_flag=True, help="Fail unless the log ends with a closing record.")
@log_options
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Trusted public key, or the .pub file it is in.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that share a long log."
)
@shared_options
def verify_audit(
    log_path: str,
    hmac_secret_env: str,
    require_hmac: bool,
    require_closed: bool,
    anchors: tuple[str, ...],
    keys: tuple[str, ...],
    **limits: int,
) -> Reply:
    """Check an audit log by itself and against what was kept elsewhere; name what that does not prove."""
    secret = os.environ.get(hmac_secret_env) or None
    if require_hmac and secret is None:
        raise ConfigError(f"--require-hmac needs a secret, and ${hmac_secret_env} is not set")
    _need(Path(log_path), kind="file")
    result = verify_audit_log(
        log_path,
        hmac_secret=secret,
        require_hmac=require_hmac,
        anchors=[anchor for path in anchors for anchor in read_anchors(path)],
        keys=[read_public_key(source) for source in keys],
        **limits,
    )
    return _reply(result, require_closed=require_closed)


def _reply(result: VerifyResult, *, require_closed: bool) -> Reply:
    unclosed = require_closed and result.state == "open"
    errors = [str(result.problem)] if not result.valid else []
    errors += ["the log is open, and a closed one is asked for"] if unclosed else []
    envelope = {
        "success": not errors,
        "valid": result.valid,
        "state": result.state,
        "entries_count": result.entries_count,
        "hmac_verified": result.hmac_verified,
        "chain_head": result.chain_head,
        "root": result.root,
        "anchored": result.anchored,
        "signed": result.signed,
        "signer": result.signer,
        "unproven": [asdict(item) for item in result.unproven],
        "notices": list(result.notices),
        "errors": errors,
    }
    if result.valid:
        failed = [f"FAIL: {error}" for error in errors]
        return Reply(envelope, "\n".join(failed + _describe(result)), ExitCode.INTEGRITY if unclosed else ExitCode.OK)
    place = f" at line {result.first_invalid_index}" if result.first_invalid_index is not None else ""
    code = ExitCode.INTEGRITY if result.failure == "integrity" else ExitCode.CONFIG
    return Reply(envelope, f"FAIL{place}: {result.reason}", code)


def _describe(result: VerifyResult) -> list[str]:
    entries = count(result.entries_count, "entry", "entries")
    tagged = " (HMAC validated)" if result.hmac_verified else ""
    if result.state == "closed":
        lines = [f"OK: {entries} verified{tagged}; the log is closed"]
    else:
        why = "a run is under way, was killed, or lines are missing"
        lines = [f"OPEN: {entries} verified{tagged}; the log does not end with a closing record: {why}"]
    lines += [f"head: {result.chain_head}", *([f"root: {result.root}"] if result.root else [])]
    if result.anchored:
        lines.append(f"anchored: {count(result.anchored, 'line', 'lines')}")
    if result.signed:
        lines.append(f"signed: {count(result.signed, 'line', 'lines')}, by a trusted key")
    lines += [f"notice: {notice}" for notice in result.notices]
    return [*lines, "not proven:", *(f"  - {item.text}" for item in result.unproven)]


@click.command("verify-integrity")
@click.argument("model_dir", type=click.Path())
@shared_options
def verify_integrity(model_dir: str) -> Reply:
    """Check every file of a model folder against model_integrity.json."""
    _need(Path(model_dir), kind="folder")
    result = check_integrity(model_dir)
    envelope = {"success": result.valid, **asdict(result), "path": model_dir}
    if result.valid:
        return Reply(envelope, f"OK: {count(result.verified_count, 'file', 'files')} verified")
    lines = [f"FAIL: {result.reason}"]
    for name in ("changed", "removed", "added"):
        lines += [f"  {name}: {file}" for file in getattr(result, name)]
    return Reply(envelope, "\n".join(lines), ExitCode.INTEGRITY)


def _need(path: Path, *, kind: str) -> None:
    right = path.is_file() if kind == "file" else path.is_dir()
    if not right:
        raise ConfigError(f"{path} is not a {kind}" if path.exists() else f"there is no {kind} {path}")
