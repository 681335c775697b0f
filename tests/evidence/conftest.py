"""What the tests of the documents share: one real training, and documents written from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from run_documents import FULL_ANNEX, IDENTITY, Trained, build_dossier, train_once, write_run

from forgelm.evidence.documents.dossier import Dossier


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_once(tmp_path_factory.mktemp("documents"))


@pytest.fixture
def make_dossier(trained: Trained, tmp_path: Path) -> Callable[..., Dossier]:
    """Build the dossier of the run with other declarations; sections are given as keywords."""
    return lambda *given, **changes: build_dossier(trained, tmp_path / "run", *given, **changes)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Dossier], Path]:
    """Write a dossier's documents and return their folder."""
    return lambda dossier: write_run(dossier, tmp_path / "run")


@pytest.fixture(scope="session")
def full_documents(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of a run in which every item of Annex IV is filled. Look, do not touch."""
    root = tmp_path_factory.mktemp("full")
    return write_run(build_dossier(trained, root, compliance={**IDENTITY, "annex_iv": FULL_ANNEX}), root)
