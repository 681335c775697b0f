"""``forgelm keys``: makes keys that sign the log or models, shows the public half, says where this account's is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import click

from forgelm.base.errors import ConfigError
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.ecdsa import CURVES
from forgelm.evidence.identity import login_name
from forgelm.evidence.keys import PublicKey, generate_key, key_path, load_signing_key, public_path, read_public_key

_FILE = click.option(
    "--file",
    "file",
    type=click.Path(),
    help="The private key's file. Default: FORGELM_SIGNING_KEY, else this account's.",
)


@click.group("keys", no_args_is_help=False)
@shared_options
def keys() -> None:
    """Make and show keys: the Ed25519 key that signs checkpoints of the audit log, and ECDSA keys that sign models."""


@keys.command("generate")
@click.option("--name", help="What the key is called in signatures, such as example.org/ci. Default: login@host.")
@_FILE
@shared_options
def generate(name: str | None, file: str | None) -> Reply:
    """Make a key: a private file that only its owner may read, and a public one to hand out. Never replaces a key."""
    path = _path(file)
    key = generate_key(path, name or f"{login_name() or 'anonymous'}@{socket.gethostname()}").public
    return _reply(
        key, path, "Give the public key to whoever is to check what is signed; keep the private file to yourself."
    )


@keys.command("generate-model-key")
@click.option(
    "--file", "file", type=click.Path(), required=True, help="The private key's file; the public half is .pub."
)
@click.option("--curve", type=click.Choice(tuple(CURVES)), default="P-256", show_default=True, help="The curve.")
@shared_options
def generate_model_key(file: str, curve: str) -> Reply:
    """Make an ECDSA key for 'forgelm sign' and 'forgelm bundle --key'. Never replaces a key."""
    path = Path(file).expanduser()
    public = generate_ec_key(path, curve).public
    names = {"private file": str(path), "public file": str(public_path(path))}
    envelope = {"success": True, "curve": curve, "fingerprint": public.fingerprint, "path": str(path)}
    advice = "Give the public file to whoever is to check what is signed; keep the private one to yourself."
    rows = [("fingerprint", public.fingerprint), *names.items()]
    return Reply({**envelope, "public_path": names["public file"]}, f"{table(rows)}\n\n{advice}")


@keys.command("show")
@_FILE
@shared_options
def show(file: str | None) -> Reply:
    """Print the public key."""
    path = _path(file)
    public = public_path(path)
    if file is None and not public.exists() and not path.exists():
        raise ConfigError(
            f"there is no key {path}: logs are written without a signature, and say so",
            hint="make one: forgelm keys generate",
        )
    key = read_public_key(str(public)) if public.exists() else load_signing_key(path).public
    return _reply(key, path)


@keys.command("path")
@_FILE
@shared_options
def path(file: str | None) -> Reply:
    """Print where the private key is, or would be."""
    found = _path(file)
    return Reply({"success": True, "path": str(found), "exists": found.exists()}, str(found))


def _path(file: str | None) -> Path:
    if file is not None and not file.strip():
        raise ConfigError("--file is empty")
    return Path(file).expanduser() if file else key_path(os.environ)


def _reply(key: PublicKey, path: Path, advice: str = "") -> Reply:
    envelope = {"success": True, "name": key.name, "key_id": key.id.hex(), "public_key": key.text, "path": str(path)}
    rows = [("public key", key.text), ("name", key.name), ("private file", str(path))]
    return Reply(envelope, "\n\n".join(part for part in (table(rows), advice) if part))
