"""A run continues from its newest complete checkpoint; old ones are kept, deleted or archived without loss."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, StorageError
from forgelm.train.checkpoints import Found, find_checkpoint, list_checkpoints, manage_checkpoints
from forgelm.train.seal import SEAL, seal_folder

CONTENT = {
    "adapter_model.safetensors": b"weights",
    "optimizer.pt": b"moments",
    "scheduler.pt": b"schedule",
    "rng_state.pth": b"dice",
    "trainer_state.json": b'{"global_step": 1, "best_metric": NaN}',
}


def save(folder: Path, step: int | str, **changes: bytes | None) -> Path:
    """Write ``checkpoint-<step>`` as the trainer does; ``changes`` replace a file's bytes, ``None`` leaves it out."""
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    renamed = {name.replace("__", "."): content for name, content in changes.items()}
    for name, content in {**CONTENT, **renamed}.items():
        if content is not None:
            (path / name).write_bytes(content)
    seal_folder(path, {})
    return path


def read(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_checkpoints_are_listed_by_step_not_by_name(tmp_path: Path) -> None:
    for step in (100, 20, 3):
        save(tmp_path, step)
    for name in ("checkpoint-", "checkpoint-best", "checkpoint-5.tmp", "checkpoint-1e3", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "checkpoint-400").write_text("a file")
    assert [path.name for path in list_checkpoints(tmp_path)] == ["checkpoint-3", "checkpoint-20", "checkpoint-100"]


def test_without_a_wish_nothing_is_resumed(tmp_path: Path) -> None:
    save(tmp_path, 5)
    assert find_checkpoint(tmp_path, None) == Found(None)


def test_auto_takes_the_newest(tmp_path: Path) -> None:
    for step in (9, 10, 2):
        save(tmp_path, step)
    assert find_checkpoint(tmp_path, "auto") == Found(tmp_path / "checkpoint-10")


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_auto_starts_fresh_where_there_is_none(folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert find_checkpoint(tmp_path / folder, "auto") == Found(None)


def test_one_that_was_changed_is_passed_over_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, half = save(tmp_path, 5), save(tmp_path, 6)
    (half / "optimizer.pt").write_bytes(b"mOments")
    assert find_checkpoint(tmp_path, "auto") == Found(whole, (("checkpoint-6", "optimizer.pt was changed"),))
    assert "optimizer.pt was changed" in caplog.text


def test_when_none_is_valid_the_run_starts_fresh_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for step in (1, 2):
        (save(tmp_path, step) / SEAL).unlink()
    found = find_checkpoint(tmp_path, "auto")
    assert found.path is None
    assert [name for name, _ in found.skipped] == ["checkpoint-2", "checkpoint-1"]
    assert "starting from the beginning" in caplog.text


def test_an_explicit_path_is_taken_even_when_a_newer_one_is_there(tmp_path: Path) -> None:
    older = save(tmp_path, 1)
    save(tmp_path, 2)
    assert find_checkpoint(tmp_path, str(older)) == Found(older)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("checkpoint-9", "there is no such folder"),
        ("checkpoint-1", "optimizer.pt is missing"),
        ("file", "no such folder"),
    ],
)
def test_an_explicit_path_that_cannot_be_resumed_is_refused(name: str, reason: str, tmp_path: Path) -> None:
    (save(tmp_path, 1) / "optimizer.pt").unlink()
    save(tmp_path, 2)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=reason) as caught:
        find_checkpoint(tmp_path, str(tmp_path / name))
    assert name in str(caught.value)


@pytest.mark.parametrize("action", ["keep", "delete", "compress"])
def test_only_the_checkpoints_are_touched(action: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, 1)
    save(folder, 20)
    (folder / "checkpoint-best").mkdir()
    (folder / "final_model").mkdir()
    (folder / "audit_log.jsonl").write_text("line\n")
    others = {"checkpoint-best", "final_model", "audit_log.jsonl"}
    manage_checkpoints(str(folder), action)
    kept = {"checkpoint-1", "checkpoint-20"} if action == "keep" else set()
    assert {path.name for path in folder.iterdir()} == others | kept


def test_keep_is_the_default_and_leaves_every_byte(tmp_path: Path) -> None:
    save(tmp_path, 1)
    before = read(tmp_path)
    manage_checkpoints(str(tmp_path))
    assert read(tmp_path) == before


def test_an_archive_holds_every_byte_and_its_digest_is_right(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, 1)
    save(folder, 20, adapter_model__safetensors=os.urandom(200_000))
    before = read(folder)
    manage_checkpoints(str(folder), "compress")
    assert list(folder.iterdir()) == []
    archive, digest = sorted(path for path in tmp_path.iterdir() if path != folder)
    assert re.fullmatch(r"checkpoints_\d{10}_[0-9a-f]{6}\.tar\.gz", archive.name)
    assert digest.name == f"{archive.name}.sha256"
    assert digest.read_text() == f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"
    with tarfile.open(archive) as opened:
        for member in opened:  # extractall's filter argument is newer than the oldest Python we run on
            opened.extract(member, tmp_path / "again")
    assert read(tmp_path / "again") == before


def test_two_archives_of_one_second_do_not_collide(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for step in (1, 2, 3):
        save(folder, step)
        manage_checkpoints(str(folder), "compress")
    assert len(list(tmp_path.glob("checkpoints_*.tar.gz"))) == 3


@pytest.mark.parametrize("action", ["delete", "compress"])
def test_a_folder_without_checkpoints_is_left_as_it_is(action: str, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    manage_checkpoints(str(tmp_path / "run"), action)
    assert [path.name for path in tmp_path.rglob("*")] == ["run"]


def test_an_unknown_action_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    save(tmp_path, 1)
    with pytest.raises(ConfigError, match=r"'remove'[\s\S]*keep, delete, compress"):
        manage_checkpoints(str(tmp_path), "remove")
    with pytest.raises(ConfigError, match=r"there is no folder .*absent"):
        manage_checkpoints(str(tmp_path / "absent"), "delete")
    assert (tmp_path / "checkpoint-1").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_a_full_disk_leaves_the_checkpoints_and_no_half_archive(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    save(folder, 1, adapter_model__safetensors=os.urandom(300_000))
    before = read(folder)
    code = """
        import resource, sys
        from forgelm.train.checkpoints import manage_checkpoints
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            manage_checkpoints(sys.argv[1], "compress")
        except OSError as error:
            print(type(error).__name__, error)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(f"StorageError could not write the checkpoints of {folder}: File too large")
    assert done.stderr == ""
    assert read(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_linked_checkpoint_is_not_emptied(tmp_path: Path) -> None:
    elsewhere = save(tmp_path / "elsewhere", 1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint-1").symlink_to(elsewhere)
    with pytest.raises(StorageError):
        manage_checkpoints(str(tmp_path / "run"), "delete")
    assert {name: content for name, content in read(elsewhere).items() if name != SEAL} == CONTENT
