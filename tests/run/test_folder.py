"""A run folder belongs to one process at a time, and a killed owner gives it back."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, ExitCode, RunBusyError
from forgelm.base.files import RunFiles
from forgelm.config.root import ForgeConfig
from forgelm.run.folder import check_writable, open_folder, remove_unfinished, run_files

HOLD = """
import sys
from pathlib import Path
from forgelm.base.errors import RunBusyError
from forgelm.base.files import RunFiles
from forgelm.run.folder import open_folder
try:
    with open_folder(RunFiles(Path(sys.argv[1]))):
        print("open", flush=True)
        sys.stdin.readline()
except RunBusyError as error:
    print(f"busy: {error}".replace("\\n", " "), flush=True)
"""


class Holder:
    """A process that opens a run folder and holds it until it is told to leave or killed."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-c", HOLD, str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate("\n", timeout=120)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=120)


@pytest.fixture
def hold() -> Iterator[Callable[[Path], Holder]]:
    started: list[Holder] = []

    def start(folder: Path) -> Holder:
        started.append(Holder(folder))
        return started[-1]

    yield start
    for holder in started:
        holder.kill()


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "new" / "run")


def test_of_two_processes_the_second_is_told_what_to_do(files: RunFiles, hold: Callable[[Path], Holder]) -> None:
    first, second = hold(files.root), hold(files.root)
    assert first.said == "open"
    assert second.said.startswith(f"busy: another run is using {files.root}")
    assert "wait for it to end" in second.said
    assert "training.output_dir" in second.said


def test_this_process_is_refused_too_and_does_not_wait(files: RunFiles, hold: Callable[[Path], Holder]) -> None:
    hold(files.root)
    with pytest.raises(RunBusyError) as caught, open_folder(files):
        pass
    assert caught.value.exit_code == ExitCode.CONFIG


def test_a_killed_owner_gives_the_folder_back(files: RunFiles, hold: Callable[[Path], Holder]) -> None:
    first = hold(files.root)
    first.kill()
    assert first.process.returncode == -signal.SIGKILL
    assert hold(files.root).said == "open"


def test_an_owner_that_leaves_gives_the_folder_back(files: RunFiles, hold: Callable[[Path], Holder]) -> None:
    first = hold(files.root)
    first.leave()
    with open_folder(files):
        assert hold(files.root).said.startswith("busy")
    assert hold(files.root).said == "open"


def test_two_folders_do_not_hinder_each_other(tmp_path: Path, hold: Callable[[Path], Holder]) -> None:
    assert [hold(tmp_path / name).said for name in ("a", "b")] == ["open", "open"]


def test_an_error_inside_gives_the_folder_back(files: RunFiles) -> None:
    with pytest.raises(KeyError), open_folder(files):
        raise KeyError
    with open_folder(files):
        assert files.root.is_dir()


def test_an_open_folder_is_left_with_the_lock_file_alone(files: RunFiles) -> None:
    with open_folder(files):
        pass
    assert {path.name for path in files.root.iterdir()} <= {files.lock.name}


@pytest.mark.parametrize("where", ["itself", "its parent", "its lock"])
def test_what_stands_in_the_way_is_named(where: str, tmp_path: Path) -> None:
    root = tmp_path / "run"
    if where == "its lock":
        RunFiles(root).lock.mkdir(parents=True)
    else:
        root.write_text("a file")
    folder = root / "deeper" if where == "its parent" else root
    with pytest.raises(ConfigError, match=str(root)), open_folder(RunFiles(folder)):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is there, and takes no folders, on Linux")
def test_a_place_that_takes_no_folders() -> None:
    with pytest.raises(ConfigError, match=r"training\.output_dir /proc/forgelm cannot be written to"):
        check_writable(Path("/proc/forgelm"))


def test_checking_a_folder_makes_it_and_leaves_nothing_inside(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_the_folder_of_a_config_is_absolute_from_now_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ForgeConfig(
        model={"name_or_path": "builtin/ember"},
        lora={},
        training={"output_dir": "runs/one", "final_model_dir": "best"},
        data={"dataset_name_or_path": "rows.jsonl"},
    )
    monkeypatch.chdir(tmp_path)
    files = run_files(config)
    monkeypatch.chdir("/")
    assert files.root == tmp_path / "runs" / "one"
    assert files.final_model == tmp_path / "runs" / "one" / "best"


def test_what_a_killed_run_left_unsealed_is_removed_and_nothing_else(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, "final[model]")
    for name in ("final[model].staging.fg-1", "final[model].staging.fg-2", "final[model]", "checkpoint-3"):
        (tmp_path / name).mkdir()
    (tmp_path / "final[model].staging.fg-2" / "model_integrity.json").write_text("{}")
    assert remove_unfinished(files) == ("final[model].staging.fg-1",)
    kept = ["checkpoint-3", "final[model]", "final[model].staging.fg-2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_checkpoints_that_were_never_completed_go_and_whole_ones_stay(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    (tmp_path / ".writing-checkpoint-4" / "checkpoint-4").mkdir(parents=True)
    (tmp_path / "checkpoint-2").mkdir()
    assert remove_unfinished(files) == (".writing-checkpoint-4",)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]
