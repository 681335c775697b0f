"""One process decides at a time, and a killed one does not keep the others out."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from forgelm.base.decision_lock import decision_lock
from forgelm.base.errors import ConfigError, RunBusyError
from forgelm.base.files import RunFiles


def test_the_second_is_told_and_a_killed_holder_lets_go(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with decision_lock(files):
            os.write(writer, b"held")
            time.sleep(60)
        os._exit(0)
    assert os.read(reader, 4) == b"held"
    with pytest.raises(RunBusyError, match="somebody else is deciding"), decision_lock(files, wait_seconds=0):
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with decision_lock(files, wait_seconds=0):
        assert files.approval_lock.exists()


def test_a_lock_that_cannot_be_made_is_a_callers_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be locked"), decision_lock(RunFiles(tmp_path / "file")):
        pass
