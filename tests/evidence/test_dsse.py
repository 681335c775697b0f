import base64
import copy
import json

import pytest

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle, open_bundle, peek_statement, pre_authenticate
from forgelm.evidence.ec_key import generate_ec_key

pytest.importorskip("cryptography", reason="needs the extra sign")
STATEMENT = {"_type": STATEMENT_TYPE, "subject": [], "predicateType": "x", "predicate": {"é": 1}}


@pytest.fixture
def key(tmp_path):
    return generate_ec_key(tmp_path / "key.pem")


@pytest.fixture
def bundle(key):
    return build_bundle(STATEMENT, key.public, key.sign)


def test_what_is_signed_is_the_type_and_the_payload():
    assert pre_authenticate(b"hello") == b"DSSEv1 28 application/vnd.in-toto+json 5 hello"


def test_a_bundle_opens_with_its_key_and_with_no_other(bundle, key, tmp_path):
    data = json.dumps(bundle).encode()
    assert open_bundle(data, key.public, "model.sig") == peek_statement(data, "model.sig") == STATEMENT
    other = generate_ec_key(tmp_path / "other.pem").public
    with pytest.raises(IntegrityError, match=f"it names the key {key.public.fingerprint}"):
        open_bundle(data, other, "model.sig")


def test_a_changed_payload_does_not_open(bundle, key):
    payload = base64.b64encode(json.dumps(STATEMENT | {"predicateType": "y"}).encode()).decode()
    changed = copy.deepcopy(bundle)
    changed["dsseEnvelope"]["payload"] = payload
    with pytest.raises(IntegrityError, match="does not hold"):
        open_bundle(json.dumps(changed).encode(), key.public, "model.sig")


def test_what_has_another_form_is_no_signature(bundle, key):
    envelope = bundle["dsseEnvelope"]
    forms = [
        b"",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        json.dumps(bundle | {"mediaType": "application/vnd.dev.sigstore.bundle.v0.1+json"}).encode(),
        json.dumps(bundle | {"dsseEnvelope": envelope | {"signatures": []}}).encode(),
        json.dumps(bundle | {"dsseEnvelope": envelope | {"signatures": envelope["signatures"] * 2}}).encode(),
        json.dumps(bundle | {"dsseEnvelope": envelope | {"payload": "?"}}).encode(),
        json.dumps(bundle | {"dsseEnvelope": envelope | {"payloadType": "text/plain"}}).encode(),
        json.dumps(bundle | {"verificationMaterial": []}).encode(),
    ]
    for data in forms:
        with pytest.raises(ConfigError, match="cannot be used as a signature"):
            open_bundle(data, key.public, "model.sig")
        with pytest.raises(ConfigError, match="cannot be used as a signature"):
            peek_statement(data, "model.sig")


@pytest.mark.parametrize("statement", [7, [], {}, {"_type": "https://in-toto.io/Statement/v0.1"}])
def test_a_signed_payload_that_is_no_statement_is_no_signature(key, statement):
    data = json.dumps(build_bundle(statement, key.public, key.sign)).encode()
    with pytest.raises(ConfigError, match="not an in-toto statement"):
        open_bundle(data, key.public, "model.sig")
