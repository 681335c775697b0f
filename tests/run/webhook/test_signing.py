"""Signatures are those of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from forgelm.run.webhook.signing import read_secret, sign_message

# The example of the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_known_example() -> None:
    headers = sign_message(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"


def test_a_secret_without_prefix_is_taken_as_it_stands() -> None:
    expected = hmac.new(b"plain secret", b"id.7." + BODY, hashlib.sha256).digest()
    assert (
        sign_message("plain secret", "id", 7, BODY)["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    )


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!"])
def test_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        read_secret(secret)
