import hashlib
import os
import threading

import pytest

from forgelm.base.errors import IntegrityError
from forgelm.evidence.hashing import HashedFile, compute_root, hash_files, sort_by_path, try_hash_files, usable_cores


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_files_of_every_size_have_the_digest_of_their_bytes(tmp_path):
    contents = {"empty": b"", "one": b"x", "exact": b"y" * (1 << 20), "more": b"z" * ((1 << 20) * 2 + 1)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    found = hash_files(tmp_path, contents)
    assert [(item.file, item.sha256, item.size_bytes) for item in found] == [
        (name, digest(data), len(data)) for name, data in contents.items()
    ]


def test_the_root_is_over_the_digests_in_the_order_of_the_paths_parts():
    files = [HashedFile(name, digest(name.encode()), 1) for name in ("a-b", "a/b", "a", "a/B")]
    assert [item.file for item in sort_by_path(files)] == ["a", "a/B", "a/b", "a-b"]
    raw = b"".join(hashlib.sha256(name).digest() for name in (b"a", b"a/B", b"a/b", b"a-b"))
    assert compute_root(files) == compute_root(files[::-1]) == digest(raw)


def test_a_file_that_changes_while_it_is_read_has_no_digest(tmp_path):
    path = tmp_path / "growing"
    path.write_bytes(b"x" * (64 << 20))
    stop = threading.Event()

    def write():
        with path.open("ab", buffering=0) as stream:
            while not stop.is_set():
                stream.write(b"y")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(IntegrityError, match="growing changed while it was being read"):
            hash_files(tmp_path, ["growing"])
    finally:
        stop.set()
        writer.join()
    assert hash_files(tmp_path, ["growing"])


def test_what_is_no_file_has_no_digest_and_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    assert set(try_hash_files(tmp_path, ["pipe", "folder", "gone", "file", "file/below"])) == {"file"}
    with pytest.raises(IntegrityError, match="pipe"):
        hash_files(tmp_path, ["file", "pipe"])


def test_at_least_one_core_may_be_used():
    assert usable_cores() >= 1
