"""Our signer, and the reference implementation on the other side."""

import pytest

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.sign import build_statement, sign_model
from forgelm.evidence.signature import find_links, verify_signature

pytest.importorskip("cryptography", reason="needs the extra sign")
CURVES = ("P-256", "P-384", "P-521")


@pytest.fixture
def key(tmp_path):
    return generate_ec_key(tmp_path / "key.pem")


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "final_model"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").write_text("inside")
    (root / "a-b").write_text("beside")
    (root / "modèle 1.safetensors").write_bytes(b"w" * 2_000_000)
    (root / "empty").write_bytes(b"")
    (root / ".gitattributes").write_text("*.safetensors lfs")
    write_integrity_manifest(root)
    return root


def test_the_statement_names_the_model_and_lists_its_files_in_order():
    files = [HashedFile("b", "b" * 64, 1), HashedFile("a", "a" * 64, 1)]
    statement = build_statement("model", files)
    assert statement["subject"][0]["name"] == "model"
    assert [item["name"] for item in statement["predicate"]["resources"]] == ["a", "b"]
    assert statement["predicate"]["serialization"]["ignore_paths"][0] == "model.sig"


def test_only_intact_models_without_links_are_signed(model, key, tmp_path):
    (model / "a-b").write_text("changed")
    with pytest.raises(IntegrityError, match="a-b changed"):
        sign_model(model, key)
    assert not (model / "model.sig").exists()
    (model / "a-b").write_text("beside")
    (model / "link").symlink_to("a-b")
    write_integrity_manifest(model)
    with pytest.raises(ConfigError, match="symbolic link link"):
        sign_model(model, key)
    assert find_links(model) == ("link",)
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="no file to sign"):
        sign_model(tmp_path / "none", key)
    with pytest.raises(ConfigError, match="not a folder"):
        sign_model(tmp_path / "gone", key)


@pytest.mark.parametrize("curve", CURVES)
def test_the_reference_implementation_accepts_what_we_sign(model, tmp_path, curve):
    verifying = pytest.importorskip("model_signing.verifying", reason="needs model-signing and pyOpenSSL")
    key = generate_ec_key(tmp_path / f"{curve}.pem", curve)
    sign_model(model, key)
    public = (tmp_path / f"{curve}.pem").with_suffix(".pub")
    check = verifying.Config().use_elliptic_key_verifier(public_key=public)
    check.verify(model, model / "model.sig")
    (model / "a-b").write_text("changed")
    with pytest.raises(ValueError, match=r"Hash mismatch for .*a-b"):
        check.verify(model, model / "model.sig")


@pytest.mark.parametrize("curve", CURVES)
def test_we_accept_what_the_reference_implementation_signs(model, tmp_path, curve):
    signing = pytest.importorskip("model_signing.signing", reason="needs model-signing and pyOpenSSL")
    hashing = pytest.importorskip("model_signing.hashing", reason="needs model-signing and pyOpenSSL")
    key = generate_ec_key(tmp_path / f"{curve}.pem", curve)
    config = signing.Config().use_elliptic_key_signer(private_key=tmp_path / f"{curve}.pem")
    config.set_hashing_config(hashing.Config().set_ignored_paths(paths=["model.sig"]))
    config.sign(model, model / "model.sig")
    result = verify_signature(model, key.public)
    assert (result.valid, result.verified_count) == (True, 5)
    ours = sign_model(model, key)
    assert ours.root == result.root
    (model / "empty").write_text("x")
    assert verify_signature(model, key.public).changed == ("empty",)
