"""``forgelm sign`` and ``forgelm verify-signature``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, count
from forgelm.cli.trust_options import password_option
from forgelm.evidence.ec_key import load_ec_key
from forgelm.evidence.ec_public import read_ec_public_key
from forgelm.evidence.sign import sign_model, sign_report
from forgelm.evidence.signature import verify_signature as check_signature


@click.command()
@click.argument("model_dir", type=click.Path(), required=False)
@click.option(
    "--report", "run", type=click.Path(), metavar="RUN", help="Sign the test report of this run folder instead."
)
@click.option("--key", required=True, type=click.Path(), help="The private key: ECDSA on P-256, P-384 or P-521, PEM.")
@password_option
@shared_options
def sign(model_dir: str | None, run: str | None, key: str, password_env: str) -> Reply:
    """Sign every file of a model folder: writes model.sig in the form of OpenSSF Model Signing.

    With --report RUN, sign that run's test report instead: writes compliance/test_report.json.sig, which
    'forgelm verify RUN --key PUBLIC_KEY' checks.
    """
    if (model_dir is None) == (run is None):
        raise click.UsageError("name the model folder to sign, or with --report the run whose test report to sign")
    private = load_ec_key(Path(key), os.environ.get(password_env) or None)
    if run is not None:
        report = sign_report(Path(run), private)
        envelope = {"success": True, **asdict(report), "path": str(report.path)}
        return Reply(envelope, f"signed: {report.sha256}\nkey: {report.key_fingerprint}\nwrote {report.path}")
    signed = sign_model(Path(str(model_dir)), private)
    envelope = {"success": True, **asdict(signed), "path": str(signed.path)}
    files = count(signed.files, "file", "files")
    text = f"signed: {files}\nroot: {signed.root}\nkey: {signed.key_fingerprint}\nwrote {signed.path}"
    return Reply(envelope, text)


@click.command("verify-signature")
@click.argument("model_dir", type=click.Path())
@click.option("--key", required=True, type=click.Path(), help="The signer's public key, PEM.")
@shared_options
def verify_signature(model_dir: str, key: str) -> Reply:
    """Check a model folder's model.sig with the signer's public key, and every file against it."""
    if not Path(model_dir).is_dir():
        raise ConfigError(
            f"{model_dir} is not a folder" if Path(model_dir).exists() else f"there is no folder {model_dir}"
        )
    result = check_signature(Path(model_dir), read_ec_public_key(Path(key)))
    envelope = {"success": result.valid, **asdict(result), "path": model_dir}
    if result.valid:
        left_out = f"\nleft out by the signer: {', '.join(result.ignored)}" if result.ignored else ""
        return Reply(
            envelope, f"OK: signature holds, {result.verified_count} files verified\nroot: {result.root}{left_out}"
        )
    lines = [f"FAIL: {result.reason}"]
    for name in ("changed", "removed", "added", "links"):
        lines += [f"  {name}: {file}" for file in getattr(result, name)]
    return Reply(envelope, "\n".join(lines), ExitCode.INTEGRITY)
