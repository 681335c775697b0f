"""Our verifier on models as they are and changed; the reference implementation is in test_sign.py."""

import json

import pytest

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.dsse import build_bundle
from forgelm.evidence.ec_key import generate_ec_key
from forgelm.evidence.hashing import hash_files
from forgelm.evidence.inventory import require_intact, verify_integrity, write_integrity_manifest
from forgelm.evidence.sign import build_statement, sign_model
from forgelm.evidence.signature import read_signed_files, verify_signature

pytest.importorskip("cryptography", reason="needs the extra sign")


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


def test_a_signed_model_verifies_and_stays_intact(model, key):
    signed = sign_model(model, key)
    assert (signed.path, signed.key_fingerprint, signed.files) == (model / "model.sig", key.public.fingerprint, 5)
    result = verify_signature(model, key.public)
    assert (result.valid, result.reason, result.verified_count, result.root) == (True, None, 5, signed.root)
    assert result.ignored == (".gitattributes",)
    assert verify_integrity(str(model)).valid
    require_intact(model)
    moved = model.rename(model.with_name("elsewhere"))
    assert verify_signature(moved, key.public).valid


def test_every_difference_is_named(model, key):
    sign_model(model, key)
    (model / "a" / "b").write_text("insidf")
    (model / "empty").unlink()
    (model / "new").write_text("x")
    (model / "link").symlink_to("a-b")
    result = verify_signature(model, key.public)
    assert not result.valid
    assert (result.changed, result.removed, result.added, result.links) == (("a/b",), ("empty",), ("new",), ("link",))
    assert "1 changed, 1 removed, 1 added, 1 symbolic links" in result.reason


def test_another_key_and_a_changed_signature_do_not_hold(model, key, tmp_path):
    sign_model(model, key)
    result = verify_signature(model, generate_ec_key(tmp_path / "other.pem").public)
    assert (result.valid, result.root) == (False, None)
    assert "does not hold under this key" in result.reason
    content = json.loads((model / "model.sig").read_text())
    content["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    (model / "model.sig").write_text(json.dumps(content))
    assert not verify_signature(model, key.public).valid


def test_a_signature_of_another_state_of_the_folder_is_an_added_file(model, key):
    sign_model(model, key)
    (model / "more").write_text("x")
    write_integrity_manifest(model)
    assert verify_integrity(str(model)).added == ("model.sig",)
    (model / "model.sig").write_text("{}")
    assert verify_integrity(str(model)).added == ("model.sig",)
    with pytest.raises(IntegrityError, match=r"model\.sig added"):
        require_intact(model)


def test_a_folder_without_signature_or_with_a_broken_one_cannot_be_asked(model, key, tmp_path):
    with pytest.raises(ConfigError, match="has no signature"):
        verify_signature(model, key.public)
    (tmp_path / "model.sig").write_text("{}")
    (model / "model.sig").symlink_to(tmp_path / "model.sig")
    with pytest.raises(ConfigError, match="has no signature"):
        verify_signature(model, key.public)


def signed_with(statement, key):
    return json.dumps(build_bundle(statement, key.public, key.sign)).encode()


def test_a_signed_list_that_contradicts_itself_is_refused(model, key):
    files = hash_files(model, ["a-b", "empty"])
    good = build_statement("model", files)
    assert read_signed_files(signed_with(good, key), key.public).digests.keys() == {"a-b", "empty"}
    resources = good["predicate"]["resources"]
    for changed in (resources[:1], resources * 2, [{**resources[0], "name": "../a"}, resources[1]]):
        wrong = good | {"predicate": good["predicate"] | {"resources": changed}}
        with pytest.raises(IntegrityError, match="not what its root digest stands for"):
            read_signed_files(signed_with(wrong, key), key.public)
    serialization = good["predicate"]["serialization"]
    for other in ({"method": "shards"}, {"hash_type": "blake2"}):
        wrong = good | {"predicate": good["predicate"] | {"serialization": serialization | other}}
        with pytest.raises(ConfigError, match="only sha256 of files"):
            read_signed_files(signed_with(wrong, key), key.public)
    for wrong in (good | {"subject": []}, good | {"predicate": 7}, good | {"predicate": {"resources": [{"name": 1}]}}):
        with pytest.raises(ConfigError, match="malformed"):
            read_signed_files(signed_with(wrong, key), key.public)
    with pytest.raises(ConfigError, match="predicate is of another type"):
        read_signed_files(signed_with(good | {"predicateType": "https://slsa.dev/provenance/v1"}, key), key.public)
