"""A scan shared by every test that only looks at it."""

from __future__ import annotations

import pytest
from audit_scans import Scanned, scan_folder


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    return scan_folder(tmp_path_factory.mktemp("scanned"))
