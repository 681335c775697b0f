"""Opens what is to be verified as one folder of evidence with digests: a bundle, its unpacked folder, a run folder."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.evidence.bundle.archive import Archive, open_archive
from forgelm.evidence.bundle.contents import (
    LIST_FILE,
    LIST_SIGNATURE,
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


@dataclass(frozen=True)
class Evidence:
    """A run's evidence. ``files`` are the digests of all its files by path from ``root``, whether unpacked or not.

     ``left_out`` are files of its models that a bundle says it does not hold, and links that lead out of them.
    ``listing`` and ``signature`` are the
     bundle's own list and the signature over it, ``None`` in a run folder or where there is none.
    """

    root: Path
    files: Mapping[str, HashedFile]
    left_out: frozenset[str] = frozenset()
    listing: bytes | None = None
    signature: bytes | None = None
    contents: Check | None = None

    def read(self, file: str) -> bytes:
        """Return the bytes of one file of the evidence."""
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
    listing = archive.read(LIST_FILE) if LIST_FILE in archive.members else None
    contents = _read_list(listing)
    found = archive.hash_all()
    files = _inside_run(found)
    models = find_models(files)
    for file in files:
        # No check reads weights: their digests are enough.
        if not is_weights(file, models):
            _unpack(archive, f"{RUN}/{file}", folder / RUN / file)
    signature = archive.read(LIST_SIGNATURE) if LIST_SIGNATURE in archive.members else None
    check = _check_contents(contents, found)
    return Evidence(folder / RUN, files, _left_out(contents), listing, signature, check)


def _open_unpacked(path: Path) -> Evidence:
    listing = (path / LIST_FILE).read_bytes()
    contents = _read_list(listing)
    names = list_folder(path)
    found = try_hash_files(path, names.files)
    check = _check_contents(contents, found, unreadable=(*names.links, *(set(names.files) - found.keys())))
    signature = (path / LIST_SIGNATURE).read_bytes() if LIST_SIGNATURE in found else None
    return Evidence(path / RUN, _inside_run(found), _left_out(contents), listing, signature, check)


def _open_run(path: Path) -> Evidence:
    selected = select_files(path, with_model=True)
    return Evidence(path, try_hash_files(path, selected.files), frozenset(selected.left_out))


def _read_list(data: bytes | None) -> Contents | IntegrityError:
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
