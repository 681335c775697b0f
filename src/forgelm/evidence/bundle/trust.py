"""What a verifier brings along and the evidence cannot: public keys, the log's secret, and what was noted elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forgelm.evidence.anchor import Anchor, read_anchors
from forgelm.evidence.ec_public import EcPublicKey, read_ec_public_key
from forgelm.evidence.keys import PublicKey, read_public_key

_PEM = b"-----BEGIN"


@dataclass(frozen=True)
class Trust:
    """``keys`` check signatures over models and bundles, ``log_keys`` those over the log.

    ``anchors`` are checkpoints of the log kept elsewhere, ``min_size`` is the least number of its lines.
    """

    keys: tuple[EcPublicKey, ...] = ()
    log_keys: tuple[PublicKey, ...] = ()
    hmac_secret: str | None = None
    anchors: tuple[Anchor, ...] = ()
    min_size: int = 0


def read_trust(
    keys: Sequence[str],
    anchors: Sequence[str],
    *,
    min_size: int = 0,
    hmac_secret_env: str,
    environ: Mapping[str, str] = os.environ,
) -> Trust:
    """Return what the command line names: ``keys`` are PEM files, or public keys of ``forgelm keys`` and their files.

    Raises:
        ConfigError: one of them cannot be read, or is not what it should be.
    """
    model_keys = [key for key in keys if _is_pem(Path(key))]
    return Trust(
        keys=tuple(read_ec_public_key(Path(key)) for key in model_keys),
        log_keys=tuple(read_public_key(key) for key in keys if key not in model_keys),
        hmac_secret=environ.get(hmac_secret_env) or None,
        anchors=tuple(anchor for path in anchors for anchor in read_anchors(path)),
        min_size=min_size,
    )


def _is_pem(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return _PEM in stream.read(4096)
    except OSError:
        return False
