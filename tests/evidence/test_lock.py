import os
import subprocess
import sys
import threading

import pytest

from forgelm.evidence.lock import ProcessLock, settled_size

pytestmark = pytest.mark.skipif(os.name == "nt", reason="flock")

HOLD = """
import sys
from pathlib import Path
from forgelm.evidence.lock import ProcessLock
stream = open(sys.argv[1], "ab", buffering=0)
ProcessLock(Path(sys.argv[1])).acquire(stream.fileno())
stream.write(b"hal")
print("held", flush=True)
sys.stdin.readline()
stream.write(b"f\\n")
"""


@pytest.fixture
def holder(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"whole\n")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLD, str(path)]
    child = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield path, child
    child.kill()
    child.communicate()


def test_another_process_waits_and_a_killed_holder_lets_go(holder):
    path, child = holder
    with path.open("ab") as stream:
        lock = ProcessLock(path)
        got = threading.Event()
        waiting = threading.Thread(target=lambda: (lock.acquire(stream.fileno()), got.set()))
        waiting.start()
        assert not got.wait(0.1)
        child.kill()
        assert got.wait(60)
        waiting.join()
        lock.release(stream.fileno())


def test_a_reader_is_not_shown_half_a_line(holder):
    path, child = holder
    sizes = []
    with path.open("rb") as stream:
        reading = threading.Thread(target=lambda: sizes.append(settled_size(stream.fileno())))
        reading.start()
        reading.join(0.1)
        assert not sizes
        child.stdin.write("go on\n")
        child.stdin.flush()
        reading.join(60)
    assert sizes == [len(b"whole\nhalf\n")]
