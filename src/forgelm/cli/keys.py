"""``forgelm keys``: makes the Ed25519 key of this account, shows its public half, says where it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import click

from forgelm.base.errors import ConfigError
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
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
    """Make and show the Ed25519 key that signs checkpoints of the audit log."""


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


@keys.command("show")
@_FILE
@shared_options
def show(file: str | None) -> Reply:
    """Print the public key."""
    path = _path(file)
    public = public_path(path)
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
