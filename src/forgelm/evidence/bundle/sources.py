"""Opens what is to be verified as one folder of evidence with digests: a bundle, its unpacked folder, a run folder."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.bundle.archive import Archive, open_archive
from forgelm.evidence.bundle.contents import (
    LIST_FILE,
    LIST_SIGNATURE,
    OUTER_FILES,
    RUN,
    Contents,
    find_models,
    is_weights,
    parse_contents,
    select_files,
)
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.hashing import HashedFile, try_hash_files
from forgelm.evidence.inventory import list_folder

# Nothing that is read whole comes near this; a file that does was made to fill the memory.
_LONGEST_READ = 256 << 20


@dataclass(frozen=True)
class Evidence:
    """A run's evidence. ``files`` are the digests of all its files by path from ``root``, whether unpacked or not.

    ``left_out`` are files of its models that a bundle says it does not hold, and links that lead out of them.
    ``outer`` are the files a bundle has beside the run, its own list among them; ``contents`` is what comparing the
    bundle with that list gave. A run folder has neither.
    """

    root: Path
    files: Mapping[str, HashedFile]
    left_out: frozenset[str] = frozenset()
    outer: Mapping[str, bytes] = field(default_factory=dict)
    contents: Check | None = None

    def read(self, file: str) -> bytes:
        """Return the bytes of one file of the evidence.

        Raises:
            ConfigError: it is longer than anything of its kind.
        """
        if self.files[file].size_bytes > _LONGEST_READ:
            raise ConfigError(f"{file} is longer than {_LONGEST_READ >> 20} MiB")
        return (self.root / file).read_bytes()


@contextlib.contextmanager
def open_evidence(path: Path) -> Iterator[Evidence]:
    """Open the bundle or run folder at ``path``.

    Raises:
        ConfigError: there is nothing of that kind at ``path``.
        IntegrityError: it is an archive that must not be opened; the message says why.
        OSError: a file cannot be read.
    """
    if path.is_file():
        with tempfile.TemporaryDirectory(prefix="forgelm-verify-") as folder:
            yield _open_bundle(open_archive(path), Path(folder))
    elif (path / LIST_FILE).is_file():
        yield _open_unpacked(path)
    elif path.is_dir():
        yield _open_run(path)
    else:
        raise ConfigError(f"{path} is neither a bundle nor a run folder" if path.exists() else f"there is no {path}")


def _open_bundle(archive: Archive, folder: Path) -> Evidence:
    outer = {
        name: archive.read(name)
        for name in OUTER_FILES
        if name in archive.members and archive.members[name].size <= _LONGEST_READ
    }
    found = archive.hash_all()
    files = _inside_run(found)
    models = find_models(files)
    for file in files:
        # No check reads weights: their digests are enough.
        if not is_weights(file, models):
            _unpack(archive, f"{RUN}/{file}", folder / RUN / file)
    contents = _read_list(outer)
    return Evidence(folder / RUN, files, _left_out(contents), outer, _check_contents(contents, found))


def _open_unpacked(path: Path) -> Evidence:
    names = list_folder(path)
    found = try_hash_files(path, names.files)
    outer = {
        name: (path / name).read_bytes()
        for name in OUTER_FILES
        if name in found and found[name].size_bytes <= _LONGEST_READ
    }
    contents = _read_list(outer)
    check = _check_contents(contents, found, unreadable=(*names.links, *(set(names.files) - found.keys())))
    return Evidence(path / RUN, _inside_run(found), _left_out(contents), outer, check)


def _open_run(path: Path) -> Evidence:
    selected = select_files(path, with_model=True)
    return Evidence(path, try_hash_files(path, selected.files), frozenset(selected.left_out))


def _read_list(outer: Mapping[str, bytes]) -> Contents | IntegrityError:
    data = outer.get(LIST_FILE)
    if data is None:
        return IntegrityError(f"it holds no {LIST_FILE}, so it is no bundle")
    try:
        return parse_contents(data)
    except IntegrityError as error:
        return error


def _check_contents(
    contents: Contents | IntegrityError, found: Mapping[str, HashedFile], unreadable: tuple[str, ...] = ()
) -> Check:
    if isinstance(contents, IntegrityError):
        return Check("contents", Status.FAILED, contents.message, (LIST_FILE,))
    present = found.keys() - {LIST_FILE, LIST_SIGNATURE}
    changed = [
        f"changed: {name}" for name in sorted(present & contents.files.keys()) if found[name] != contents.files[name]
    ]
    removed = [f"removed: {name}" for name in sorted(contents.files.keys() - present)]
    added = [f"added: {name}" for name in sorted((present - contents.files.keys()) | set(unreadable))]
    findings = (*changed, *removed, *added)
    if findings:
        return Check("contents", Status.FAILED, f"{len(findings)} files are not what {LIST_FILE} lists", findings)
    return Check("contents", Status.PASSED, f"all {len(contents.files)} files are what {LIST_FILE} lists")


def _left_out(contents: Contents | IntegrityError) -> frozenset[str]:
    return frozenset() if isinstance(contents, IntegrityError) else contents.left_out


def _inside_run(found: Mapping[str, HashedFile]) -> dict[str, HashedFile]:
    begin = f"{RUN}/"
    return {
        name.removeprefix(begin): HashedFile(name.removeprefix(begin), item.sha256, item.size_bytes)
        for name, item in found.items()
        if name.startswith(begin)
    }


def _unpack(archive: Archive, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as stream:
        for block in archive.blocks(name):
            stream.write(block)
