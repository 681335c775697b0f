"""A run's training data to its Croissant description: the files that were read, their digests, what was counted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from forgelm.audit.croissant.build import DescribedDataset, DescribedFile, Origin, build_croissant
from forgelm.audit.croissant.column_types import ColumnType, observe_rows
from forgelm.audit.croissant.responsible import describe_declared
from forgelm.data.rows import Row, Source
from forgelm.evidence.documents.document import Document
from forgelm.evidence.documents.dossier import Dossier, said
from forgelm.evidence.environment import package_version
from forgelm.train.token_ledger import TokenLedger

_OBSERVED_ROWS = 1000


def build_training_data(dossier: Dossier) -> Document:
    """Return the description of everything the run was trained and validated on."""
    run, governance = dossier.run, dossier.governance
    findings = dossier.audit.responsible if dossier.audit else {}
    declared = [item for item in governance.datasets if item.languages]
    codes = {language.lower() for item in declared for language in item.languages if len(language) in (2, 3)}
    licences = {item.licence for item in governance.datasets if item.licence}
    described = DescribedDataset(
        name=f"training data of run {run.run_id}",
        description=f"The rows that {said(dossier.compliance.system_name) or 'the model'} was fine-tuned on.",
        files=tuple(_files(dossier)),
        tool=f"ForgeLM {package_version('forgelm')}",
        generated_at=dossier.generated_at.isoformat(timespec="seconds"),
        statistics=dict(_statistics(dossier)),
        languages=tuple(sorted(codes)),
        responsible={**findings, **describe_declared(governance.model_dump(mode="json"))},
        preparation=tuple(_preparation(dossier)),
        origins=tuple(_origins(run.prepared.sources)),
        license=licences.pop() if len(licences) == 1 else None,
        creator=said(dossier.compliance.provider_name),
    )
    return Document(
        "croissant",
        "Training data in Croissant 1.1",
        "The data's files, columns, digests and statistics, for programs that read datasets.",
        "Article 10, Annex IV, point 2(d)",
        build_croissant(described),
    )


def _files(dossier: Dossier) -> Iterator[DescribedFile]:
    """Yield every local file that was read, with the types of the columns that went into rows."""
    prepared = dossier.run.prepared
    used: set[str] = set()
    for source in prepared.sources:
        own = islice((row for row in prepared.train if row.source == source.name), _OBSERVED_ROWS)
        columns = _columns(source, own)
        pinned = {Path(item["path"]).name: item for item in source.fingerprint.get("files", ()) if "sha256" in item}
        for split, file in source.files:
            pin = pinned.get(Path(file).name) or (source.fingerprint if "sha256" in source.fingerprint else None)
            if pin is None or pin.get("sha256") is None or pin.get("size_bytes") is None:
                continue
            name = _unique(Path(file).name, used)
            path = Path(source.name) / file if Path(source.name).is_dir() else Path(source.name)
            url = _locate(path, dossier.folder)
            yield DescribedFile(name, url, split, pin["sha256"], pin["size_bytes"], columns)


def _locate(path: Path, folder: Path) -> str:
    """Return where a file lies, seen from the folder of the documents."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_uri()


def _unique(name: str, used: set[str]) -> str:
    found, number = name, 1
    while found in used:
        number += 1
        found = f"{number}/{name}"
    used.add(found)
    return found


def _columns(source: Source, rows: Iterable[Row]) -> dict[str, ColumnType]:
    """Return the columns the rows were read from, where what became of them shows what they hold."""
    observed = observe_rows(row.value for row in rows)
    return {
        column: observed[ours]
        for ours, column in source.mapping
        if ours in observed and (column == ours or observed[ours].kind == "text")
    }


def _origins(sources: Sequence[Source]) -> Iterator[Origin]:
    for source in sources:
        yield Origin(source.name, source.fingerprint.get("hf_revision"))


def _statistics(dossier: Dossier) -> Iterator[tuple[str, dict[str, int]]]:
    tokenised = dossier.run.tokenised
    yield "train", _count(tokenised.train.ledger)
    if tokenised.validation is not None:
        yield "validation", _count(tokenised.validation.ledger)


def _count(ledger: TokenLedger) -> dict[str, int]:
    return {"rows": ledger.rows, "tokens": ledger.tokens, "target_tokens": ledger.target_tokens}


def _preparation(dossier: Dossier) -> Iterator[str]:
    run = dossier.run
    if run.config.data.clean_text:
        yield "Control characters were dropped and line ends unified."
    if run.prepared.skipped:
        yield f"{len(run.prepared.skipped)} rows were left out."
    ledger = run.outcome.train_ledger
    length = run.config.model.max_length
    yield f"{ledger.rows_truncated} rows were cut and {ledger.rows_dropped} dropped at {length} tokens."
    if text := said(dossier.governance.data_preparation):
        yield text
