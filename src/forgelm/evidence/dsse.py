"""Signs in-toto statements as Sigstore bundles (v0.3) around DSSE envelopes, and opens such bundles with a public key.

Formats: https://github.com/secure-systems-lab/dsse, https://docs.sigstore.dev/about/bundle.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.ec_public import EcPublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def pre_authenticate(payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding of type and payload."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def build_bundle(statement: dict[str, Any], key: EcPublicKey, sign: Callable[[bytes], bytes]) -> dict[str, Any]:
    """Return the signed bundle of ``statement``; ``sign`` makes signatures that ``key`` checks."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()
    signature = base64.b64encode(sign(pre_authenticate(payload))).decode()
    return {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key.fingerprint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": signature, "keyid": ""}],
        },
    }


def open_bundle(data: bytes, key: EcPublicKey, name: str) -> dict[str, Any]:
    """Return the statement in a bundle that ``key`` signed; ``name`` is what an error calls it.

    Raises:
        ConfigError: it is no such bundle.
        IntegrityError: its signature does not hold under ``key``.
    """
    payload, signature, hint = _take_apart(data, name)
    if not key.verify(signature, pre_authenticate(payload)):
        other = f"; it names the key {hint}, this is {key.fingerprint}" if hint and hint != key.fingerprint else ""
        raise IntegrityError(f"{name}: the signature does not hold under this key{other}")
    return _read_statement(payload, name)


def peek_statement(data: bytes, name: str) -> dict[str, Any]:
    """Return the statement in a bundle without checking who signed it.

    Raises:
        ConfigError: it is no such bundle.
    """
    return _read_statement(_take_apart(data, name)[0], name)


def _take_apart(data: bytes, name: str) -> tuple[bytes, bytes, str]:
    try:
        bundle = json.loads(data)
        envelope = bundle["dsseEnvelope"]
        if bundle["mediaType"] != _MEDIA_TYPE or envelope["payloadType"] != PAYLOAD_TYPE:
            raise _no_bundle(name, "of another type or version")
        (signature,) = envelope["signatures"]
        hint = (bundle["verificationMaterial"].get("publicKey") or {}).get("hint") or ""
        parts = [base64.b64decode(text, validate=True) for text in (envelope["payload"], signature["sig"])]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise _no_bundle(name, "not a Sigstore bundle with one DSSE signature") from None
    return parts[0], parts[1], str(hint)


def _read_statement(payload: bytes, name: str) -> dict[str, Any]:
    try:
        statement = json.loads(payload)
    except (ValueError, RecursionError):
        statement = None
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise _no_bundle(name, "its payload is not an in-toto statement (v1)")
    return statement


def _no_bundle(name: str, why: str) -> ConfigError:
    return ConfigError(f"{name} cannot be used as a signature: {why}")
