import os
import shutil
import stat
import subprocess
import sys

import pytest

from forgelm.base.errors import ConfigError, OptionalDependencyError, StorageError
from forgelm.evidence.keys import (
    PublicKey,
    find_signing_key,
    generate_key,
    key_path,
    load_signing_key,
    parse_public_key,
    public_path,
    read_public_key,
)

# A key published with Go's package for signed notes.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_key_is_made_for_its_owner_alone_and_found_again(tmp_path):
    path = tmp_path / "new" / "signing_key.pem"
    key = generate_key(path, "example.org/ci")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = load_signing_key(path)
    assert again.public == key.public == read_public_key(str(public_path(path))) == read_public_key(key.public.text)
    signature = key.sign(b"message")
    assert again.sign(b"message") == signature
    assert len(signature) == 64
    assert key.public.verify(signature, b"message")
    assert not key.public.verify(signature, b"messagf")
    assert not key.public.verify(signature[:-1] + bytes([signature[-1] ^ 1]), b"message")
    assert not key.public.verify(b"", b"message")
    assert not generate_key(tmp_path / "other.pem", "example.org/ci").public.verify(signature, b"message")


def test_the_private_key_shows_itself_nowhere(tmp_path):
    path = tmp_path / "key.pem"
    key = generate_key(path, "me")
    body = path.read_text().splitlines()[2]
    assert body not in repr(key)
    assert body not in public_path(path).read_text()


def test_public_keys_read_and_write_as_other_tools_do():
    key = parse_public_key(NEUMANN + "\n")
    assert (key.name, key.id.hex(), key.text) == ("PeterNeumann", "c74f20a3", NEUMANN)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "form"),
        ("name+00000000", "form"),
        ("PeterNeumann+c74f20a4+" + NEUMANN.split("+", 2)[2], "id"),
        ("Peter+c74f20a3+" + NEUMANN.split("+", 2)[2], "id"),
        ("PeterNeumann+c74f20a3+?", "base64"),
        ("PeterNeumann+c74f20a3+AQ==", "Ed25519"),
        ("PeterNeumann+c74f20a3+" + "Ag" + NEUMANN.split("+", 2)[2][2:], "Ed25519"),
    ],
)
def test_what_is_no_public_key_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parse_public_key(text)


def test_a_wrong_public_key_file_is_named(tmp_path):
    generate_key(tmp_path / "key.pem", "me")
    with pytest.raises(ConfigError, match="not a public key") as refused:
        read_public_key(str(tmp_path / "key.pem"))
    assert ".pub" in refused.value.hint
    with pytest.raises(ConfigError, match="No such file"):
        read_public_key(str(tmp_path / "nothing.pub"))


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\t", "line\n", "\u2003"])
def test_a_name_that_would_break_a_note_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot name a key"):
        generate_key(tmp_path / "key.pem", name)
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_never_replaced(tmp_path):
    path = tmp_path / "key.pem"
    generate_key(path, "me")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="there is a key already"):
        generate_key(path, "me")
    assert path.read_bytes() == before


def test_a_folder_that_cannot_hold_the_key_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        generate_key(tmp_path / "file" / "key.pem", "me")


@pytest.mark.skipif(os.name == "nt", reason="no file modes")
def test_a_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "key.pem"
    generate_key(path, "me")
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        load_signing_key(path)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_ours_and_we_read_openssl_s(tmp_path):
    ours, message, signature = tmp_path / "ours.pem", tmp_path / "message", tmp_path / "signature"
    key = generate_key(ours, "me")
    message.write_bytes(b"message")
    sign = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", ours, "-in", message, "-out", signature]
    subprocess.run(sign, check=True, capture_output=True)
    assert signature.read_bytes() == key.sign(b"message")
    theirs = tmp_path / "theirs.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", theirs], check=True, capture_output=True)
    theirs.chmod(0o600)
    found = load_signing_key(theirs)
    assert found.public.name.startswith("ed25519/")
    assert found.public.verify(found.sign(b"x"), b"x")
    for kind, why in ((["-algorithm", "X25519"], "not an Ed25519 key"), (["-aes256", "-algorithm", "ed25519"], "encr")):
        other = tmp_path / "other.pem"
        command = ["openssl", "genpkey", *kind, "-out", other, *(["-pass", "pass:x"] if "-aes256" in kind else [])]
        subprocess.run(command, check=True, capture_output=True)
        other.chmod(0o600)
        with pytest.raises(ConfigError, match=why):
            load_signing_key(other)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n", b"\xff"]
)
def test_what_is_no_private_key_is_refused(tmp_path, content):
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="no private key"):
        load_signing_key(path)


def test_the_key_is_where_the_environment_says_or_in_the_configuration_folder(tmp_path):
    assert key_path({"FORGELM_SIGNING_KEY": "~/k.pem"}).is_absolute()
    assert key_path({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "forgelm" / "signing_key.pem"
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert find_signing_key(home) is None
    made = generate_key(key_path(home), "me")
    found = find_signing_key(home)
    assert found is not None
    assert found.public == made.public
    with pytest.raises(ConfigError, match="No such file"):
        find_signing_key({**home, "FORGELM_SIGNING_KEY": str(tmp_path / "gone.pem")})


def test_without_the_extra_the_message_names_it(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(OptionalDependencyError) as missing:
        generate_key(tmp_path / "key.pem", "me")
    assert "forgelm[sign]" in missing.value.hint
    assert not PublicKey("me", bytes(32)).verify(bytes(64), b"")
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_openssh_is_read_too(tmp_path):
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    path = tmp_path / "id_ed25519"
    path.write_bytes(private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption()))
    path.chmod(0o600)
    key = load_signing_key(path)
    assert key.public.raw == private.public_key().public_bytes_raw()
    assert key.public.verify(key.sign(b"x"), b"x")
