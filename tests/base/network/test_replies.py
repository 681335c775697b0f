"""What a judge said is on disk before it counts, and found again after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from forgelm.base.errors import StorageError
from forgelm.base.network.replies import Cache, Said

MESSAGES = [{"role": "user", "content": "hello"}]


def test_a_reply_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "judge" / "cache.jsonl"
    said = Said('{"score": 7}\u2028\ud800', 10, None)
    cache = Cache(path)
    assert cache.get("k") is None
    cache.put("k", said)
    assert cache.get("k") == Cache(path).get("k") == said
    assert path.stat().st_mode & 0o077 == 0


def test_a_key_is_who_is_asked_what() -> None:
    keys = {
        Cache.key({"model": "a"}, MESSAGES),
        Cache.key({"model": "b"}, MESSAGES),
        Cache.key({"model": "a", "url": "x"}, MESSAGES),
        Cache.key({"model": "a"}, [*MESSAGES, *MESSAGES]),
    }
    assert len(keys) == 4
    assert Cache.key({"url": "x", "model": "a"}, MESSAGES) in keys


@pytest.mark.parametrize(
    "line",
    [b'{"key": "a", "te', b"\x00\xff", b"[]", b"7", b'{"key": "a"}', b"[" * 100_000,
     b'{"key": 1, "text": "x", "input_tokens": 1, "output_tokens": 1}',
     b'{"key": "a", "text": null, "input_tokens": 1, "output_tokens": 1}',
     b'{"key": "a", "text": "x", "input_tokens": "1", "output_tokens": 1}'],
)  # fmt: skip
def test_a_broken_line_is_no_reply_and_spoils_no_other(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "cache.jsonl"
    Cache(path).put("first", Said("one"))
    with path.open("ab") as stream:
        stream.write(line)
    Cache(path).put("second", Said("two"))
    again = Cache(path)
    assert (again.get("first"), again.get("second"), again.get("a")) == (Said("one"), Said("two"), None)


def test_threads_write_whole_lines(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache.jsonl")
    threads = [threading.Thread(target=cache.put, args=(str(n), Said("x" * 5000))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Cache(tmp_path / "cache.jsonl")
    assert all(again.get(str(n)) for n in range(20))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "judge").write_text("a file")
    with pytest.raises(StorageError):
        Cache(tmp_path / "judge" / "cache.jsonl").put("k", Said("x"))


def test_a_kill_loses_no_reply_that_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "cache.jsonl"
    code = (
        "import sys, pathlib\nfrom forgelm.base.network.replies import Cache, Said\n"
        "cache = Cache(pathlib.Path(sys.argv[1]))\n"
        "for n in range(10**9):\n    cache.put(str(n), Said('x' * 300)); print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        kept = [int(writer.stdout.readline()) for _ in range(20)]
        writer.send_signal(signal.SIGKILL)
        kept += [int(line) for line in writer.stdout]
    cache = Cache(path)
    assert [n for n in kept if cache.get(str(n)) is None] == []


SHORT = """
import resource, signal, sys
from pathlib import Path
from forgelm.base.errors import StorageError
from forgelm.base.network.replies import Cache, Said
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
cache = Cache(Path(sys.argv[1]))
try:
    cache.put("k", Said("x" * 5000))
except StorageError:
    print("refused", cache.get("k"))
"""


@pytest.mark.skipif(os.name == "nt", reason="a limit on file sizes stands in for a full disk")
def test_a_reply_that_fits_only_in_part_does_not_count(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT, str(tmp_path / "c")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused None\n"
    assert Cache(tmp_path / "c").get("k") is None
