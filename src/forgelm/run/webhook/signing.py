"""Signs a message as https://www.standardwebhooks.com says, so that its reader knows who sent it, and when."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"


def sign_message(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a signed message; ``timestamp`` is in seconds since 1970.

    The signature is HMAC-SHA256 over ``id.timestamp.body``. A secret that begins with ``whsec_`` is base64 after it,
    any other is taken as it stands.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(read_secret(secret), signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def read_secret(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises:
        ValueError: what follows ``whsec_`` is not base64, or nothing.
    """
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("what follows whsec_ is not base64") from error
    if not key:
        raise ValueError("nothing follows whsec_")
    return key
