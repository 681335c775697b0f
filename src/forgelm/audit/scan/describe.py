"""A scanned dataset and its report to a Croissant description."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path, PurePath
from typing import Any

from forgelm.audit.croissant.build import DescribedDataset, DescribedFile, build_croissant
from forgelm.audit.croissant.responsible import describe_findings
from forgelm.audit.language import UNKNOWN
from forgelm.audit.reading.source import Source
from forgelm.audit.report.record import AuditReport
from forgelm.audit.scan.places import Places

_LEAST_SHARE = 0.01


def describe_dataset(source: Source, places: Places, report: AuditReport) -> dict[str, Any]:
    """Return the description; files that have no bytes on this machine are not in it."""
    digests = {file.path: file for file in report.files}
    files = tuple(
        DescribedFile(
            name=file.file.name,
            url=file.file.name,
            split=file.file.split,
            sha256=known.sha256,
            size_bytes=known.size_bytes or 0,
            columns=file.state.types,
        )
        for file in places.files
        if (known := digests[file.file.name]).sha256 is not None
    )
    return build_croissant(
        DescribedDataset(
            name=_name(source),
            description=f"{report.total_samples} rows in {len(report.splits)} splits, described by a dataset audit.",
            files=files,
            tool="forgelm audit",
            generated_at=report.generated_at,
            statistics={name: _count(split) for name, split in report.splits.items()},
            languages=_list_languages(report),
            responsible=describe_findings(asdict(report)),
        )
    )


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
