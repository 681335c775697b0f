"""Keeps the documents a decision is made on: a copy per run, which the next run in the folder does not write over."""

from __future__ import annotations

import shutil

from forgelm.base.files import RunFiles, sha256_file, storage_errors, write_bytes


def copy_for_review(files: RunFiles, run_id: str) -> dict[str, str]:
    """Copy ``compliance/`` and the resolved configuration for ``run_id``; return path below the run folder to SHA-256.

    Raises:
        StorageError: a copy could not be written.
    """
    folder = files.review(run_id)
    with storage_errors(str(folder)):
        shutil.rmtree(folder, ignore_errors=True)
        for source in sorted(path for path in (*files.compliance.rglob("*"), files.config) if path.is_file()):
            write_bytes(folder / source.relative_to(files.root), source.read_bytes())
    return {
        path.relative_to(files.root).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
