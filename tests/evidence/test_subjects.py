"""A commitment says whose it is to whoever has the key, and nothing once the key is destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forgelm.evidence.subjects import SubjectKeys, normalise_identifier


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys(tmp_path, {})


def test_one_person_has_one_commitment_however_it_is_spelt(keys: SubjectKeys) -> None:
    first = keys.commit("Ada.L@example.org")
    assert keys.commit(" ada.l@EXAMPLE.org ") == first == keys.find("\uff41da.l@example.org")
    assert keys.commit("bob") != first
    assert len(first.digest) == 64
    assert len(list(keys.folder.glob("*.key"))) == 2


def test_the_folder_holds_no_identifier_and_is_its_owners(keys: SubjectKeys) -> None:
    keys.commit("ada@example.org")
    (path,) = keys.folder.iterdir()
    assert b"ada" not in path.read_bytes()
    assert path.stat().st_size == 64
    if os.name != "nt":
        assert (path.stat().st_mode & 0o777, keys.folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_destroyed_key_leaves_noise(keys: SubjectKeys) -> None:
    before = keys.commit("ada")
    assert keys.destroy("Ada")
    assert keys.find("ada") is None
    assert not keys.destroy("ada")
    assert keys.commit("ada").digest != before.digest


def test_other_folders_do_not_share_keys(tmp_path: Path, keys: SubjectKeys) -> None:
    assert SubjectKeys(tmp_path / "other", {}).commit("ada").digest != keys.commit("ada").digest


def test_the_keys_can_be_kept_elsewhere(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path / "run", {"FORGELM_SUBJECT_KEYS": str(tmp_path / "vault")})
    keys.commit("ada")
    assert (keys.place, keys.folder) == ("env_var", tmp_path / "vault")
    assert not (tmp_path / "run").exists()


def test_the_content_key_stays_the_same_and_is_nobodys(keys: SubjectKeys) -> None:
    assert keys.find_content_key() is None
    key = keys.make_content_key()
    assert keys.make_content_key() == key == keys.find_content_key()
    assert keys.find("") is None


def test_what_a_kill_left_half_written_is_no_key(keys: SubjectKeys) -> None:
    keys.commit("ada")
    (keys.folder / "0000.key").write_bytes(b"short")
    (keys.folder / ".half.key.1234").write_bytes(b"x" * 64)
    assert keys.find("ada") is not None


def test_spellings() -> None:
    assert normalise_identifier(" A\u0308da \n X") == normalise_identifier("\u00e4da x")
    assert normalise_identifier("\ud800") != b""
