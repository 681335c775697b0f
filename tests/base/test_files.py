"""A reader of a run's files sees the old content or the new, never half, whatever happens to the writer."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.base.errors import ExitCode, NotAFolderError, StorageError
from forgelm.base.events import Event
from forgelm.base.files import (
    RunFiles,
    canonical_json,
    make_folder,
    replacing,
    sha256_bytes,
    sha256_file,
    storage_errors,
    to_json_safe,
    write_bytes,
    write_json,
    write_text,
    write_whole,
)

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX signals, limits and modes")


def run_child(code: str, *arguments: object, **options: Any) -> str:
    """Run ``code`` in a new Python and return what it printed."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, **options).stdout.strip()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writing_replaces_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    assert write_text(path, "old") == path
    assert write_bytes(path, "nëw\n".encode()) == path
    assert path.read_bytes() == "nëw\n".encode()
    assert names_in(path.parent) == ["file.txt"]


@POSIX
def test_a_full_disk_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = write_text(tmp_path / "file.txt", "old")
    code = """
        import resource, sys
        from pathlib import Path
        from forgelm.base.files import write_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            write_bytes(Path(sys.argv[1]), b"x" * 100_000)
        except OSError as error:
            print(type(error).__name__, error.errno, error, sep="|")
    """
    kind, number, message = run_child(code, path).split("|")
    assert (kind, int(number)) == ("StorageError", errno.EFBIG)
    assert str(path) in message
    assert "disk has space" in message
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file.txt"]


@POSIX
def test_a_killed_writer_never_leaves_half_a_file(tmp_path: Path) -> None:
    size, path, rng = 150_000, tmp_path / "file.bin", random.Random(7)
    code = """
        import itertools, sys
        from pathlib import Path
        from forgelm.base.files import write_bytes
        for number in itertools.count(int(sys.argv[3])):
            write_bytes(Path(sys.argv[1]), bytes([number % 256]) * int(sys.argv[2]))
            print(number, flush=True)
    """
    seen = set()
    for attempt in range(30):
        command = [sys.executable, "-c", textwrap.dedent(code), str(path), str(size), str(attempt * 7)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            writer.kill()
        content = path.read_bytes()
        assert content == content[:1] * size
        seen.add(content[0])
    assert len(seen) > 1, "the writers were killed before they replaced anything"
    assert [name for name in names_in(tmp_path) if name != "file.bin" and not name.startswith(".file.bin.")] == []


@POSIX
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_umask_of_the_moment_decides_the_mode(umask: int, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    code = """
        import os, sys
        from pathlib import Path
        from forgelm.base.files import write_text
        os.umask(int(sys.argv[2]))
        write_text(Path(sys.argv[1]), "x")
    """
    run_child(code, path, umask)
    assert path.stat().st_mode & 0o777 == mode


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    blocker = write_text(tmp_path / "blocker", "x")
    with pytest.raises(StorageError) as caught:
        write_text(blocker / "file.txt", "y")
    assert str(blocker / "file.txt") in str(caught.value)
    assert caught.value.errno in (errno.EEXIST, errno.ENOTDIR)
    assert blocker.read_text() == "x"


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(StorageError):
        write_text(tmp_path / "taken", "x")
    assert names_in(tmp_path) == ["taken"]


@POSIX
def test_a_pipe_in_the_place_of_the_file_is_replaced_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    os.mkfifo(path)
    code = """
        import sys
        from pathlib import Path
        from forgelm.base.files import write_text
        write_text(Path(sys.argv[1]), "x")
    """
    run_child(code, path)
    assert path.is_file()
    assert path.read_text() == "x"


@POSIX
def test_a_system_folder_that_takes_no_files() -> None:
    with pytest.raises(StorageError, match="could not write /proc/forgelm"):
        write_text(Path("/proc/forgelm.txt"), "x")


def test_storage_errors_names_the_thing_keeps_the_cause_and_lets_others_pass() -> None:
    with (
        pytest.raises(StorageError, match="could not write the card: No space left") as caught,
        storage_errors("the card"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert isinstance(caught.value.__cause__, OSError)
    inner = StorageError("said already")
    with pytest.raises(StorageError) as passed, storage_errors("the card"):
        raise inner
    assert passed.value is inner
    with pytest.raises(KeyError), storage_errors("the card"):
        raise KeyError("not about files")


def test_a_file_in_the_place_of_a_folder_is_said_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NotAFolderError, match=f"could not write {folder}: {tmp_path / 'file'} is a file, not a"):
            make_folder(folder)
    with pytest.raises(NotAFolderError, match="a folder is there"):
        write_text(tmp_path, "x")


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        (math.nan, None),
        (-math.inf, None),
        (1.5, 1.5),
        (True, True),
        (Event.STAGE, "progress.stage"),
        (Path("a") / "b", os.path.join("a", "b")),
        ((1, [math.nan, {"x": math.inf}]), [1, [None, {"x": None}]]),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ({10, 9, 2}, [2, 9, 10]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({1, "a", None, (2,)}, [1, "a", [2], None]),
        ({math.nan, 1.0}, [1.0, None]),
    ],
)
def test_to_json_safe(value: Any, safe: Any) -> None:
    made = to_json_safe(value)
    assert made == safe
    assert json.dumps(made, allow_nan=False)


def test_canonical_json_is_sorted_compact_utf8_without_nan() -> None:
    value = {"b": math.nan, "a": [1, 2.5, "é"], "c": {"z": None, "y": True}}
    assert canonical_json(value) == '{"a":[1,2.5,"é"],"b":null,"c":{"y":true,"z":null}}'.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.dictionaries(st.text(), JSON), st.randoms(use_true_random=False))
def test_canonical_json_does_not_depend_on_the_order_of_keys_and_reads_back(value: Any, rng: Any) -> None:
    keys = list(value)
    rng.shuffle(keys)
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_is_the_same_in_every_process() -> None:
    code = "from forgelm.base.files import canonical_json as c; print(c({'s': {'a', 'b', 'c', 'd', 3, None}}).decode())"
    outputs = {run_child(code, env={**os.environ, "PYTHONHASHSEED": str(seed)}) for seed in range(4)}
    assert outputs == {'{"s":[3,"a","b","c","d",null]}'}


def test_half_a_surrogate_pair_becomes_an_escape_that_reads_back(tmp_path: Path) -> None:
    value = {"name": os.fsdecode(b"caf\xe9.jsonl"), "text": "\ud800 and \\ud800"}
    assert json.loads(canonical_json(value)) == value
    assert json.loads(write_json(tmp_path / "x.json", value).read_bytes()) == value


def test_write_json_is_readable_strict_json(tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in the file")

    text = write_json(tmp_path / "x.json", {"loss": math.nan, "name": "é", "at": Path("a")}).read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse) == {"loss": None, "name": "é", "at": "a"}
    assert "é" in text
    assert text.startswith('{\n  "loss"')
    assert text.endswith("}\n")


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * 3_000_000])
def test_sha256_of_bytes_and_of_a_file(content: bytes, tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "file", content)
    assert sha256_file(path) == sha256_bytes(content) == hashlib.sha256(content).hexdigest()


def test_sha256_is_the_published_one() -> None:
    assert sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_every_path_of_a_run_is_its_own_and_inside_the_folder(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, final_model_dir="model")
    paths = [
        files.audit_log,
        files.lock,
        files.config,
        files.compliance,
        files.data_audit_report,
        files.final_model,
        *(place(run) for place in (files.staging, files.quarantine, files.superseded) for run in ("fg-1", "fg-2")),
    ]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(tmp_path) for path in paths)
    assert files.final_model.name == "model"
    assert files.staging("fg-1").parent == files.final_model.parent


def test_an_error_inside_the_block_leaves_the_old_content(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ValueError, match="midway"), replacing(path) as stream:
        stream.write(b"new")
        raise ValueError("midway")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_folder_is_made_with_all_above_it(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a" / "b")
    assert make_folder(folder) == folder
    assert folder.is_dir()
    (tmp_path / "file").write_text("")
    for make in (make_folder, lambda path: write_text(path / "x.txt", "")):
        with pytest.raises(NotAFolderError, match=r"file is a file, not a folder") as refused:
            make(tmp_path / "file" / "c")
        assert refused.value.exit_code is ExitCode.CONFIG
    with pytest.raises(NotAFolderError, match="a: a folder is there"):
        write_text(tmp_path / "a", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file"]


def test_a_short_write_is_followed_by_another(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    data = bytes(range(256)) * 4096
    taken: list[bytes] = []
    thread = threading.Thread(target=lambda: taken.extend(iter(lambda: os.read(reader, 4096), b"")))
    thread.start()
    write_whole(writer, data)
    os.close(writer)
    thread.join()
    assert b"".join(taken) == data
    if Path("/dev/full").exists():
        with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="No space"):
            write_whole(full.fileno(), b"x")
