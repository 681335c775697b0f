import base64

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.ec_public import parse_ec_public_key, read_ec_public_key

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec", reason="needs the extra sign")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization", reason="needs the extra sign")
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


def to_pem(private):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form)


@pytest.mark.parametrize("curve", CURVES)
def test_a_key_is_read_and_written_as_the_library_writes_it(curve, tmp_path):
    private = ec.generate_private_key(CURVES[curve])
    (tmp_path / "key.pub").write_bytes(to_pem(private))
    key = read_ec_public_key(tmp_path / "key.pub")
    numbers = private.public_key().public_numbers()
    assert (key.curve, key.point, key.pem.encode()) == (curve, (numbers.x, numbers.y), to_pem(private))
    assert len(key.fingerprint) == 64


def test_what_is_no_ecdsa_key_is_refused_with_what_it_is(tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    own = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigError, match="not a public key in PEM form") as refused:
        parse_ec_public_key(own, "key")
    assert "public half" in refused.value.hint
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    for other in (to_pem(Ed25519PrivateKey.generate()), to_pem(ec.generate_private_key(ec.SECP256K1()))):
        with pytest.raises(ConfigError, match="not an ECDSA key on P-256"):
            parse_ec_public_key(other, "key")
    for damaged in (b"", b"x" * 20_000, b"-----BEGIN PUBLIC KEY-----\nab=c\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(ConfigError, match="not a public key"):
            parse_ec_public_key(damaged, "key")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_ec_public_key(tmp_path / "nothing")


def test_a_point_off_the_curve_is_no_key():
    key = parse_ec_public_key(to_pem(ec.generate_private_key(ec.SECP256R1())), "key")
    wrong = key.der[:-1] + bytes([key.der[-1] ^ 1])
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(wrong) + b"\n-----END PUBLIC KEY-----\n"
    with pytest.raises(ConfigError, match="not on the curve"):
        parse_ec_public_key(pem, "key")
