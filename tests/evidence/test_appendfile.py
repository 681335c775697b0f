import errno
import os
import resource
import subprocess
import sys
import time

import pytest

from forgelm.base.errors import IntegrityError, StorageError
from forgelm.evidence.appendfile import AppendFile, Tail

FULL_DISK = """
import errno, os, resource, sys
from pathlib import Path
from forgelm.base.errors import StorageError
from forgelm.evidence.appendfile import AppendFile

path = Path(sys.argv[1])
file = AppendFile(path)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
with file:
    file.append([b"acknowledged"])
line = b"x" * 200
for room in range(len(line) + 1):
    before = path.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, unlimited[1]))
    try:
        with file:
            file.append([line])
        sys.exit(f"written with room for {room} bytes")
    except StorageError as error:
        assert isinstance(error, OSError) and error.errno == errno.EFBIG, error.errno
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert path.read_bytes() == before, room
    if room % 20 == 0:
        with file:
            assert not file.has_moved()
            file.append([b"next"])
print("ok")
"""


@pytest.fixture
def file(tmp_path):
    return AppendFile(tmp_path / "log")


def test_lines_are_appended_whole(file):
    with file:
        file.append([b"one"])
        file.append([b""])
        assert file.read_tail() == Tail(b"", b"")
        file.append([b"three"])
        assert file.first_line() == b"one"
        assert file.count_lines() == 3
    assert file.path.read_bytes() == b"one\n\nthree\n"


@pytest.mark.parametrize(
    ("content", "tail"),
    [
        (b"", Tail(None, b"")),
        (b"torn", Tail(None, b"torn")),
        (b"one\n", Tail(b"one", b"")),
        (b"one\ntwo\nto", Tail(b"two", b"to")),
        (b"one\n" + b"x" * 500_000 + b"\n", Tail(b"x" * 500_000, b"")),
        (b"one\n" + b"x" * 500_000, Tail(b"one", b"x" * 500_000)),
        (b"one\n" + b"x" * 70_000 + b"\n" + b"y" * 300_000, Tail(b"x" * 70_000, b"y" * 300_000)),
        (b"one\n\0\0\0\0", Tail(b"one", b"\0\0\0\0")),
        (b"one\ntw\0\0\0o\n", Tail(b"one", b"tw\0\0\0o\n")),
        (b"tw\0\0\0o\n", Tail(None, b"tw\0\0\0o\n")),
        (b"one\n" + b"\0" * 500_000 + b"\n", Tail(b"one", b"\0" * 500_000 + b"\n")),
        (b"one\ntw\0\0\0\nthree\nfo", Tail(b"one", b"tw\0\0\0\nthree\nfo")),
    ],
)
def test_the_tail_is_the_last_whole_line_and_what_was_cut_short(file, content, tail):
    file.path.write_bytes(content)
    with file:
        assert file.read_tail() == tail
        assert file.size == len(content) - len(tail.torn)


def test_a_cut_file_goes_on_behind_its_last_whole_line(file):
    file.path.write_bytes(b"one\ntw")
    with file:
        file.read_tail()
        file.cut(file.size)
        file.append([b"two"])
    assert file.path.read_bytes() == b"one\ntwo\n"


def test_a_full_disk_at_every_byte_leaves_the_file_as_it_was(tmp_path):
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "log")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "ok\n", done.stderr
    assert set((tmp_path / "log").read_bytes().split(b"\n")) == {b"acknowledged", b"next", b""}


def test_a_failed_sync_takes_the_line_back_and_ends_the_file_s_use(tmp_path):
    broken = []

    def sync(handle):
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(handle)

    file = AppendFile(tmp_path / "log", sync=sync)
    with file:
        file.append([b"one"])
    broken.append(True)
    with pytest.raises(StorageError) as failed, file:
        file.append([b"two"])
    assert failed.value.errno == errno.EIO
    broken.clear()
    for _ in range(2):
        with pytest.raises(StorageError, match="takes no more lines"), file:
            file.append([b"three"])
    assert file.path.read_bytes() == b"one\n"
    with AppendFile(file.path) as again:
        again.read_tail()
        again.append([b"two"])
    assert file.path.read_bytes() == b"one\ntwo\n"


def test_several_lines_take_one_sync_for_each_256_kib(tmp_path):
    synced = []
    file = AppendFile(tmp_path / "log", sync=lambda handle: synced.append(os.fstat(handle).st_size))
    lines = [b"x" * 9_999] * 60 + [b"y" * 500_000, b"z"]
    with file:
        file.append(lines)
        assert list(file.read_lines(0)) == lines
        assert list(file.read_lines(10_000 * 59)) == lines[59:]
    assert file.path.read_bytes() == b"".join(line + b"\n" for line in lines)
    assert synced == [260_000, 520_000, 600_000, 1_100_001, 1_100_003]


def test_a_failure_among_several_lines_takes_all_of_them_back(tmp_path):
    synced = []

    def sync(handle):
        synced.append(handle)
        if len(synced) == 4:
            raise OSError(errno.EIO, "Input/output error")

    file = AppendFile(tmp_path / "log", sync=sync)
    with file:
        file.append([b"one"])
    with pytest.raises(StorageError), file:
        file.append([b"x" * 100_000] * 9)
    assert file.path.read_bytes() == b"one\n"


def test_a_hole_in_a_burst_is_found_when_looked_for(file):
    file.path.write_bytes(b"one\n" + b"x\n" * 100 + b"y\0\n" + b"z" * 100_000 + b"\n" + b"w" * 30_000 + b"\n")
    with file:
        assert file.read_tail().torn == b""
        assert file.read_tail(deep=True) == Tail(b"x", file.path.read_bytes()[204:])


def test_it_notices_what_others_do_to_the_file(file):
    with file:
        file.append([b"one"])
        assert not file.has_moved()
    with file.path.open("ab") as other:
        other.write(b"two\n")
    with file:
        assert file.has_moved()
    file.path.write_bytes(b"")
    with file, pytest.raises(IntegrityError, match="lost 4 bytes"):
        file.has_moved()


@pytest.mark.parametrize("replace", [True, False])
def test_it_does_not_write_on_into_a_file_that_is_gone(file, replace):
    with file:
        file.append([b"one"])
        assert not file.has_moved()
    file.path.rename(file.path.with_suffix(".moved"))
    if replace:
        file.path.write_bytes(b"one\n")
    time.sleep(0.002)  # it looks for the name once in a millisecond
    with file, pytest.raises(StorageError, match="while it was being written"):
        file.has_moved()


def test_a_forked_child_is_told_to_open_its_own(file):
    with file:
        file.append([b"one"])
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with file:
                pass
        except RuntimeError as error:
            status = 0 if "each child" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_closing_gives_the_handle_back_and_holding_reopens(file):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    for _ in range(min(limit, 2000)):
        with file:
            pass
        file.close()
    with file:
        file.append([b"one"])
    assert file.path.read_bytes() == b"one\n"


def test_what_is_not_a_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="not a regular file"), AppendFile(tmp_path / "pipe"):
        pass
    with pytest.raises(StorageError, match="Is a directory"), AppendFile(tmp_path):
        pass
    with pytest.raises(StorageError, match="No such file"), AppendFile(tmp_path / "no" / "log"):
        pass
