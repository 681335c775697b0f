"""Makes a folder as a whole: it stands in its place complete, or it does not stand there at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.base.files import make_folder, storage_errors, sync_folder


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder``; it takes that name once the block has filled it.

    Whatever ends the block early, a full disk or Ctrl-C, removes what was written. What a killed process left behind
    under the same name is removed when the next one begins.

    Raises:
        ConfigError: ``folder`` exists and is not an empty folder.
        StorageError: something could not be written; ``folder`` is as it was.
    """
    hint = "nothing is overwritten: name another folder, or move that one away"
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, not a folder", hint=hint)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} already exists", hint=hint)
    folder = Path(os.path.abspath(folder))
    make_folder(folder.parent)
    with storage_errors(str(folder)):
        aside = folder.with_name(f".{folder.name}.unfinished")
        try:
            if aside.exists():
                shutil.rmtree(aside)
            aside.mkdir()
            yield aside
            _bring_to_disk(aside)
            if folder.exists():
                folder.rmdir()
            aside.rename(folder)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        sync_folder(folder.parent)


def _bring_to_disk(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            handle = os.open(os.path.join(place, name), os.O_RDWR if os.name == "nt" else os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(place))
