"""``forgelm bundle`` and ``forgelm verify``."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from forgelm.base.errors import ConfigError, ExitCode
from forgelm.base.files import write_bytes
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, count
from forgelm.cli.trust_options import log_options, password_option
from forgelm.evidence.bundle.report import render_verification
from forgelm.evidence.bundle.standalone import render_verifier
from forgelm.evidence.bundle.trust import read_trust
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.evidence.bundle.write import write_bundle
from forgelm.evidence.ec_key import load_ec_key


@click.command()
@click.argument("run", type=click.Path(), required=False)
@click.option("--output", type=click.Path(), help="The file to write (default: evidence.zip beside the run folder).")
@click.option("--with-model", is_flag=True, help="Put the models' weights in, too.")
@click.option("--key", type=click.Path(), help="Sign the list of its files with this private key (ECDSA, PEM).")
@password_option
@click.option(
    "--verifier", type=click.Path(), help="Only write verify.py, the verifier that needs nothing, to this file."
)
@shared_options
def bundle(
    run: str | None,
    output: str | None,
    with_model: bool,
    key: str | None,
    password_env: str,
    verifier: str | None,
) -> Reply:
    """Write the evidence of the run folder RUN as one zip file: the same evidence gives the same bytes.

    It holds the log, the documents, the seals, signatures and cards of the models, and verify.py, which checks it all
    with Python's standard library.
    """
    if verifier is not None:
        if run is not None:
            raise click.UsageError("--verifier writes verify.py alone; leave RUN out")
        written = write_bytes(Path(verifier), render_verifier())
        return Reply({"success": True, "path": str(written)}, f"wrote {written}")
    if run is None:
        raise click.UsageError("name the run folder, training.output_dir")
    folder = Path(run)
    target = Path(output) if output else folder.with_name(f"{folder.absolute().name}-evidence.zip")
    signer = load_ec_key(Path(key), os.environ.get(password_env) or None) if key else None
    done = write_bundle(folder, target, with_model=with_model, key=signer)
    left = f", {done.left_out} files of models left out" if done.left_out else ""
    text = f"wrote {done.path}: {count(done.files, 'file', 'files')}{left}\nsha256: {done.sha256}"
    return Reply({"success": True, **asdict(done), "path": str(done.path)}, text)


@click.command()
@click.argument("bundle_or_run", type=click.Path())
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="A public key whose signatures must hold: of the model and the bundle (PEM), or of the log (forgelm keys).",
)
@log_options
@shared_options
def verify(
    bundle_or_run: str, keys: tuple[str, ...], anchors: tuple[str, ...], min_size: int, hmac_secret_env: str
) -> Reply:
    """Check everything in a bundle or a run folder, offline: log, documents, seals, model bytes, signatures.

    Each check passed, failed, or was not made, with the reason. Exit code 0 when none failed, 6 when one did.
    """
    if not Path(bundle_or_run).exists():
        raise ConfigError(f"there is no {bundle_or_run}")
    trust = read_trust(keys, anchors, min_size=min_size, hmac_secret_env=hmac_secret_env)
    found = verify_evidence(bundle_or_run, trust)
    return Reply(found.as_record(), render_verification(found), ExitCode.OK if found.valid else ExitCode.INTEGRITY)
