import json
import threading
from pathlib import Path

import pytest
from packing import unpack

from forgelm.base.errors import ConfigError, StorageError
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.evidence.bundle.write import write_bundle
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.ledger import AuditLogger


def test_two_builds_are_the_same_bytes_wherever_they_are_made(run_folder: Path, key: EcKey, tmp_path: Path) -> None:
    one = write_bundle(run_folder, tmp_path / "one.zip", with_model=True, key=key)
    for path in run_folder.rglob("*"):
        path.touch()
    moved = run_folder.rename(tmp_path / "elsewhere")
    two = write_bundle(moved, tmp_path / "deep" / "two.zip", with_model=True, key=key)
    assert one.path.read_bytes() == two.path.read_bytes()
    assert (one.sha256, one.files, one.left_out) == (two.sha256, two.files, 0)


def test_no_machine_path_is_in_what_bundling_adds(light: Path, tmp_path: Path) -> None:
    added = {name: data for name, data in unpack(light).items() if not name.startswith("run/")}
    assert set(added) == {"README.txt", "verify.py", "bundle.json"}
    assert not any(str(tmp_path.parent).encode() in data for data in added.values())
    assert b"python3 -I verify.py" in added["README.txt"]


def test_what_lies_beside_the_evidence_never_goes_along(run_folder: Path, tmp_path: Path) -> None:
    (run_folder / "my.key").write_text("-----BEGIN PRIVATE KEY-----")
    (run_folder / ".forgelm_audit_salt").write_bytes(b"salt")
    names = unpack(write_bundle(run_folder, tmp_path / "a.zip", with_model=True).path)
    assert not [name for name in names if "key" in name or "salt" in name or "checkpoint-" in name]


def test_a_log_that_is_being_written_is_bundled_whole(tmp_path: Path) -> None:
    run = tmp_path / "run"
    logger = AuditLogger(str(run))
    logger.log_event("test.event")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            logger.log_event("test.event", filler="x" * 500)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            assert verify_evidence(write_bundle(run, tmp_path / f"{number}.zip").path).valid
    finally:
        stop.set()
        writer.join()


def test_a_bundle_that_cannot_be_written_leaves_what_was_there(run_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no run folder"):
        write_bundle(tmp_path, tmp_path / "a.zip")
    with pytest.raises(ConfigError, match="there is no folder"):
        write_bundle(tmp_path / "nothing", tmp_path / "a.zip")
    with pytest.raises(ConfigError, match="is a folder"):
        write_bundle(run_folder, tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="could not write"):
        write_bundle(run_folder, tmp_path / "file" / "a.zip")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert before == ["file", "run"]
    again = write_bundle(run_folder, tmp_path / "a.zip")
    assert json.loads(unpack(again.path)["bundle.json"])["run_id"] == again.run_id
    assert [path.name for path in tmp_path.glob(".*")] == []
