from __future__ import annotations

import errno
from pathlib import Path

import pytest

from forgelm.base.errors import ConfigError, StorageError
from forgelm.base.new_folder import new_folder


def test_the_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with new_folder(target) as aside:
        (aside / "inner").mkdir()
        (aside / "inner" / "a").write_text("a")
        assert not target.exists()
    assert (target / "inner" / "a").read_text() == "a"
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path: Path) -> None:
    with new_folder(tmp_path / "empty") as aside:
        (aside / "a").touch()
    with pytest.raises(ConfigError, match="already exists"), new_folder(tmp_path / "empty"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file, not a folder"), new_folder(tmp_path / "file"):
        pass


@pytest.mark.parametrize(
    ("raised", "seen"),
    [(OSError(errno.ENOSPC, "No space left on device"), StorageError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_whatever_ends_it_early_leaves_nothing(
    tmp_path: Path, raised: BaseException, seen: type[BaseException]
) -> None:
    with pytest.raises(seen), new_folder(tmp_path / "model") as aside:
        (aside / "half").write_text("half")
        raise raised
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_behind_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".model.unfinished").mkdir()
    (tmp_path / ".model.unfinished" / "old").touch()
    with new_folder(tmp_path / "model") as aside:
        (aside / "new").touch()
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["new"]
