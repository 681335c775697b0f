import stat

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.ec_key import generate_ec_key, load_ec_key
from forgelm.evidence.ec_public import read_ec_public_key

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec", reason="needs the extra sign")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization", reason="needs the extra sign")


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521"])
def test_a_made_key_signs_what_its_public_file_checks(tmp_path, curve):
    path = tmp_path / "new" / "model.pem"
    made = generate_ec_key(path, curve)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = read_ec_public_key(path.with_suffix(".pub"))
    assert public == made.public == load_ec_key(path).public
    assert public.curve == curve
    assert public.verify(load_ec_key(path).sign(b"message"), b"message")
    assert "PRIVATE" not in repr(made)


def test_the_same_bytes_have_the_same_signature(tmp_path):
    key = generate_ec_key(tmp_path / "model.pem")
    assert key.sign(b"message") == key.sign(b"message")


def test_a_key_is_never_replaced(tmp_path):
    generate_ec_key(tmp_path / "model.pem")
    before = (tmp_path / "model.pem").read_bytes()
    with pytest.raises(ConfigError, match="there is a key already"):
        generate_ec_key(tmp_path / "model.pem")
    assert (tmp_path / "model.pem").read_bytes() == before
    with pytest.raises(ConfigError, match="no curve"):
        generate_ec_key(tmp_path / "other.pem", "P-224")


def write(path, private, password=None):
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection))
    path.chmod(0o600)
    return path


def test_an_encrypted_key_needs_its_password(tmp_path):
    path = write(tmp_path / "key.pem", ec.generate_private_key(ec.SECP256R1()), b"open sesame")
    assert load_ec_key(path, "open sesame").public.curve == "P-256"
    for wrong in (None, "other"):
        with pytest.raises(ConfigError):
            load_ec_key(path, wrong)


def test_what_cannot_sign_is_refused(tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    with pytest.raises(ConfigError, match="not an ECDSA key"):
        load_ec_key(write(tmp_path / "ed.pem", Ed25519PrivateKey.generate()))
    with pytest.raises(ConfigError, match="P-256, P-384 or P-521"):
        load_ec_key(write(tmp_path / "k1.pem", ec.generate_private_key(ec.SECP256K1())))
    shared = write(tmp_path / "shared.pem", ec.generate_private_key(ec.SECP256R1()))
    shared.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        load_ec_key(shared)
    (tmp_path / "text.pem").write_text("no key")
    (tmp_path / "text.pem").chmod(0o600)
    with pytest.raises(ConfigError, match="no private key"):
        load_ec_key(tmp_path / "text.pem")
    with pytest.raises(ConfigError, match="cannot read"):
        load_ec_key(tmp_path / "nothing.pem")
