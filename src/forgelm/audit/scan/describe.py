"""A scanned dataset and its report to a Croissant description."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from forgelm.audit.croissant.build import DescribedDataset, DescribedFile, build_croissant
from forgelm.audit.croissant.license import find_license
from forgelm.audit.croissant.responsible import describe_findings
from forgelm.audit.language import UNKNOWN
from forgelm.audit.reading.source import Source
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.wording import count_of
from forgelm.audit.scan.places import Places

_LEAST_SHARE = 0.01


def describe_dataset(source: Source, places: Places, report: AuditReport, folder: Path | None) -> dict[str, Any]:
    """Return the description, for a file in ``folder``; files that have no bytes on this machine are not in it."""
    known = {file.path: file for file in report.files if file.sha256 is not None}
    files = tuple(
        DescribedFile(
            name=file.file.name,
            url=_locate(source.find_path(file.file), file.file.name, folder),
            split=file.file.split,
            sha256=known[file.file.name].sha256 or "",
            size_bytes=known[file.file.name].size_bytes or 0,
            columns=file.state.types,
        )
        for file in places.files
        if file.file.name in known
    )
    return build_croissant(
        DescribedDataset(
            name=_name(source),
            description=_introduce(report, files),
            files=files,
            tool="forgelm audit",
            generated_at=report.generated_at,
            statistics={name: _count(split) for name, split in report.splits.items()},
            languages=_list_languages(report),
            responsible=describe_findings(asdict(report)),
            license=find_license(Path(source.path)) if source.is_folder else None,
            date_modified=_find_change(source, known),
        )
    )


def _introduce(report: AuditReport, files: Sequence[DescribedFile]) -> str:
    size = f"{count_of(report.total_samples, 'row')} in {count_of(len(report.splits), 'split')}"
    missing = "" if files else " It was not read from files of its own, so neither files nor columns are described."
    return f"{size}, described by a dataset audit.{missing}"


def _locate(path: Path, name: str, folder: Path | None) -> str:
    """Return where a file lies as seen from ``folder``, with forward slashes; without one, its name."""
    if folder is None:
        return name
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_uri()


def _find_change(source: Source, known: Container[str]) -> str | None:
    """Return the day on which the last file was changed."""
    paths = [source.find_path(file) for file in source.files if file.name in known]
    times = [path.stat().st_mtime for path in paths if path.exists()]
    return datetime.fromtimestamp(max(times), UTC).date().isoformat() if times else None


def _name(source: Source) -> str:
    stem = Path(source.path).stem if source.files[0].path or source.is_folder else PurePath(source.given).name
    return re.sub(r"[^\w.-]+", "-", stem) or "dataset"


def _count(split: dict[str, Any]) -> dict[str, float]:
    lengths = split["text_length"]
    return {"rows": split["sample_count"], **{name: lengths[name] for name in ("mean", "min", "max")}}


def _list_languages(report: AuditReport) -> tuple[str, ...]:
    codes = [
        language.code
        for details in report.details.values()
        for language in (details.languages.languages if details.languages else ())
        if language.share >= _LEAST_SHARE and language.code != UNKNOWN
    ]
    return tuple(dict.fromkeys(codes))
