"""One person's rows to what saw them: runs, checkpoints, models, what was trained on those; and what can be done."""

from __future__ import annotations

import calendar
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError, IntegrityError
from forgelm.base.events import Event
from forgelm.base.files import INTEGRITY_FILE, RunFiles, sha256_file
from forgelm.config.data import DataConfig
from forgelm.config.multimodal import MultimodalConfig
from forgelm.data.formats import normalise
from forgelm.data.pictures import PictureReader
from forgelm.data.rows import RawDataset, Row, name_file
from forgelm.evidence.entries import read_entries
from forgelm.evidence.erasure.merges import Merge, find_merges, made_of
from forgelm.evidence.exported import seal_digest
from forgelm.evidence.seen_rows import SeenRow, SeenRows, digest_row, open_seen_rows
from forgelm.evidence.subjects import SubjectKeys

_PATTERNS = ("seen_rows/*.jsonl.gz", "*/seen_rows/*.jsonl.gz", "*/*/seen_rows/*.jsonl.gz")
_MODELS = ("*/" + INTEGRITY_FILE, "quarantine/*/*/" + INTEGRITY_FILE, "superseded/*/" + INTEGRITY_FILE)


@dataclass(frozen=True)
class PersonsRow:
    """A row that is one person's: where it stands and what it says."""

    file: Path
    line: int
    value: dict[str, Any]


@dataclass(frozen=True)
class Sighting:
    """A person's row as one run read it. ``matched_by`` is line (of the same file, unchanged) or content."""

    file: str
    line: int
    split: str
    trained: bool
    tokens: int
    matched_by: str


@dataclass(frozen=True)
class AffectedModel:
    """A model or checkpoint of a run, or merged from one: where, what kind, its seal if any, files exported from it."""

    path: str
    kind: str
    seal: str | None = None
    exports: tuple[str, ...] = ()


@dataclass(frozen=True)
class AffectedRun:
    """A run that saw the rows, or was trained on a model that did (``through`` names that run)."""

    run_id: str
    folder: str
    rows: tuple[Sighting, ...]
    models: tuple[AffectedModel, ...]
    through: str | None = None

    @property
    def trained(self) -> bool:
        return self.through is not None or any(row.trained for row in self.rows)


@dataclass(frozen=True)
class Option:
    """One thing that can be done, and how."""

    option: str
    what: str
    command: str | None = None


@dataclass(frozen=True)
class Impact:
    """What one person's erasure touches. ``looked_through`` are the runs searched; ``not_known`` what stays open."""

    runs: tuple[AffectedRun, ...]
    looked_through: int
    options: tuple[Option, ...]
    deadline: date
    latest_if_extended: date
    not_known: tuple[str, ...]

    @property
    def affected_run_ids(self) -> list[str]:
        return [run.run_id for run in self.runs if run.trained]

    def as_record(self) -> dict[str, Any]:
        return {
            "runs": [asdict(run) | {"trained": run.trained} for run in self.runs],
            "affected_run_ids": self.affected_run_ids,
            "runs_looked_through": self.looked_through,
            "options": [asdict(option) for option in self.options],
            "deadline": self.deadline.isoformat(),
            "latest_if_extended": self.latest_if_extended.isoformat(),
            "not_known": list(self.not_known),
        }


def trace_rows(rows: Sequence[PersonsRow], folders: Iterable[Path], *, received: date) -> Impact:
    """Return every run below ``folders`` that saw one of ``rows``, with its models, and what can be done by when.

    A run that recorded the same file, unchanged, is matched by line; every run also by what its rows said once they
    were normalised. ``received`` is the day of the person's request (GDPR, Article 12(3): one month, at most three).

    Raises:
        OSError: a record cannot be read.
    """
    folders = tuple(folders)
    records, not_known = _open_all(folders)
    merges = find_merges(folders)
    direct = []
    for record in records:
        seen, problem = _sight(record, rows)
        not_known += [problem] if problem else []
        if seen:
            direct.append(_describe(record, seen, merges))
    runs = [*direct, *_descendants(direct, records, merges)]
    not_known += _always_unknown(len(records))
    return Impact(
        runs=tuple(runs),
        looked_through=len(records),
        options=_options(runs),
        deadline=add_months(received, 1),
        latest_if_extended=add_months(received, 3),
        not_known=tuple(not_known),
    )


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the month's last (Regulation 1182/71, Article 3(2)(c))."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _open_all(folders: Iterable[Path]) -> tuple[list[SeenRows], list[str]]:
    paths = {path.resolve() for folder in folders for pattern in _PATTERNS for path in folder.glob(pattern)}
    found, problems = [], []
    for path in sorted(paths):
        try:
            found.append(open_seen_rows(path))
        except IntegrityError as error:
            problems.append(error.message)
    return found, problems


def _sight(record: SeenRows, rows: Sequence[PersonsRow]) -> tuple[list[Sighting], str | None]:
    lines = _lines_by_file(record, rows)
    digests, problem = find_digests(record, rows)
    found = []
    for row in record.rows():
        by_line = row.number in lines.get((row.source, row.part), ())
        if by_line or row.digest in digests:
            found.append(_sighting(record, row, "line" if by_line else "content"))
    return found, None if lines else problem


def _sighting(record: SeenRows, row: SeenRow, matched_by: str) -> Sighting:
    name = name_file(record.header["sources"][row.source]["name"], row.part)
    return Sighting(name, row.number, row.split, row.trained, row.tokens, matched_by)


def _lines_by_file(record: SeenRows, rows: Sequence[PersonsRow]) -> dict[tuple[int, str | None], set[int]]:
    """Return the lines to look for, by source and part, of files the run read that still have the same bytes."""
    found: dict[tuple[int, str | None], set[int]] = {}
    for path in {row.file.resolve() for row in rows}:
        for index, source in enumerate(record.header["sources"]):
            for name, digest in source["sha256"].items():
                if source["path"] and Path(source["path"], name) == path and sha256_file(path) == digest:
                    found[(index, name or None)] = {row.line for row in rows if row.file.resolve() == path}
    return found


def find_digests(record: SeenRows, rows: Sequence[PersonsRow]) -> tuple[set[str], str | None]:
    """Return the digests the rows have in this run, normalised as it normalised them."""
    name, key = record.header["run_id"], SubjectKeys(record.path.parent.parent).find_content_key()
    if key is None:
        return set(), f"run {name}: the key of its digests was destroyed, so content was not compared"
    try:
        data = DataConfig.model_validate(record.header["data"])
        images = record.header.get("images")
        pictures = PictureReader(MultimodalConfig.model_validate(images), offline=True) if images else None
    except ValueError:
        return set(), f"run {name}: another version recorded it, so content was not compared"
    found: set[str] = set()
    for is_extra in (False, True):
        raw = [Row(row.value, str(row.file), row.line) for row in rows]
        with contextlib.suppress(DataError):
            dataset = RawDataset("rows", "local_file", {"train": raw}, (), (), {})
            built = normalise(dataset, data, is_extra=is_extra, pictures=pictures)
            found |= {digest_row(key, row.value) for row in built.splits["train"]}
    return found, None if found else f"run {name}: the rows do not read as its rows, so content was not compared"


def models_of(root: Path, run_id: str) -> tuple[AffectedModel, ...]:
    """Return the models of a run that stand in its folder, and the folder's checkpoints."""
    return tuple(_models(root, run_id))


def _describe(
    record: SeenRows, seen: list[Sighting], merges: Sequence[Merge], through: str | None = None
) -> AffectedRun:
    root, run_id = record.path.parent.parent, str(record.header["run_id"])
    models = models_of(root, run_id)
    merged = [
        AffectedModel(str(merge.folder), "merged", merge.seal, tuple(_exports(merge.folder / INTEGRITY_FILE)))
        for merge in made_of((model.seal for model in models if model.seal), merges)
    ]
    return AffectedRun(run_id, str(root), tuple(seen), (*models, *merged), through)


def _models(root: Path, run_id: str) -> Iterator[AffectedModel]:
    """Yield the run's models, by the log's seals or the card's run, and the folder's checkpoints, which no run owns."""
    seals = _seals(root)
    for pattern in _MODELS:
        for manifest in sorted(root.glob(pattern)):
            folder = manifest.parent
            seal = seal_digest(manifest.read_bytes())
            if seals.get(run_id) == seal or _is_of(folder, run_id):
                yield AffectedModel(str(folder), _kind(folder, root), seal, tuple(_exports(manifest)))
    for checkpoint in sorted(root.glob("checkpoint-*")):
        yield AffectedModel(str(checkpoint), "checkpoint (of a run in this folder)")


def _is_of(folder: Path, run_id: str) -> bool:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return f"`{run_id}`" in (folder / "README.md").read_text(encoding="utf-8")
    return False


def _seals(root: Path) -> dict[str, str]:
    """Return the seal each run of the folder gave its model."""
    log = RunFiles(root).audit_log
    if not log.is_file():
        return {}
    return {
        entry.run_id: entry.text("manifest_sha256") for entry in read_entries(log, [Event.MODEL_INTEGRITY_VERIFIED])
    }


def _kind(folder: Path, root: Path) -> str:
    top = folder.relative_to(root).parts[0]
    return top if top in ("quarantine", "superseded") else "staged" if ".staging." in top else "final"


def _exports(manifest: Path) -> list[str]:
    with contextlib.suppress(OSError, ValueError):
        listed = json.loads(manifest.read_bytes()).get("exported_artifacts") or []
        return [str(item.get("file") or item) if isinstance(item, dict) else str(item) for item in listed]
    return []


def _descendants(direct: list[AffectedRun], records: list[SeenRows], merges: Sequence[Merge]) -> list[AffectedRun]:
    """Return the runs whose base model is one of the affected runs' models, and theirs in turn."""
    known = {(run.folder, run.run_id) for run in direct}
    queue, found = [run for run in direct if run.trained], []
    while queue:
        parent = queue.pop(0)
        places = {Path(model.path).resolve() for model in parent.models}
        for record in records:
            base = record.header.get("base_model_path")
            name = (str(record.path.parent.parent), str(record.header["run_id"]))
            if base and Path(base) in places and name not in known:
                child = _describe(record, [], merges, through=parent.run_id)
                known.add(name)
                found.append(child)
                queue.append(child)
    return found


def _options(runs: Sequence[AffectedRun]) -> tuple[Option, ...]:
    trained = [run for run in runs if run.trained]
    if not trained:
        return (Option("erase the rows", "no run found here was trained on them; erase them where they stand"),)
    first = trained[0]
    return (
        Option(
            "delete",
            "delete every model listed, its checkpoints, exports and copies elsewhere, and the rows",
            f"forgelm purge --run-id {first.run_id} --kind model --output-dir {first.folder}",
        ),
        Option(
            "retrain without",
            "erase the rows, then train again from the same configuration",
            f"forgelm --config {first.folder}/resolved_config.yaml",
        ),
        Option("filter", "keep the model and keep what it says about this person from coming out; not an erasure"),
        Option("accept with reason", "keep the model, with a documented reason (GDPR, Articles 11 and 17(3))"),
    )


def _always_unknown(records: int) -> list[str]:
    said = ["copies, backups, merges and uploads made outside these folders"]
    return said if records else ["no run here recorded its rows", *said]
