"""Guards that are trained once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from guards import train_classifier, train_writing_guard


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text classifier to which JSON records are unsafe."""
    return train_classifier(tmp_path_factory.mktemp("guards") / "classifier")


@pytest.fixture(scope="session")
def writing_guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guard that writes ``safe`` or ``unsafe`` and S2, the latter about JSON records."""
    return train_writing_guard(tmp_path_factory.mktemp("guards") / "writing")
