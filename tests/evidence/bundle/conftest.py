"""A finished run, and bundles of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import Finished

from forgelm.evidence.bundle.write import write_bundle
from forgelm.evidence.ec_key import EcKey, generate_ec_key
from forgelm.evidence.sign import sign_model


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> EcKey:
    pytest.importorskip("cryptography", reason="needs the extra sign")
    return generate_ec_key(tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="session")
def signed_run(finished: Finished, key: EcKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared run with its model signed; look, do not touch."""
    root = tmp_path_factory.mktemp("signed") / "run"
    shutil.copytree(finished.root, root)
    sign_model(root / "final_model", key)
    return root


@pytest.fixture
def run_folder(signed_run: Path, tmp_path: Path) -> Path:
    """A copy of the signed run to do with as one likes."""
    return Path(shutil.copytree(signed_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def whole(signed_run: Path, key: EcKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed bundle with the weights."""
    path = tmp_path_factory.mktemp("bundles") / "whole.zip"
    write_bundle(signed_run, path, with_model=True, key=key)
    return path


@pytest.fixture(scope="session")
def light(signed_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unsigned bundle without the weights."""
    path = tmp_path_factory.mktemp("bundles") / "light.zip"
    write_bundle(signed_run, path)
    return path
