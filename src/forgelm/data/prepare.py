"""The section ``data`` to everything a run trains on: rows in one format, where each came from, what was left out."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import replace

from forgelm.base.errors import DataError
from forgelm.base.network import hub_token, is_offline
from forgelm.config.data import DataConfig
from forgelm.config.multimodal import MultimodalConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.canaries import plant_canaries
from forgelm.data.detect import SFT
from forgelm.data.formats import NormalisedDataset, is_conversational, normalise
from forgelm.data.load import load_rows
from forgelm.data.mix import mix_rows
from forgelm.data.pictures import PictureReader
from forgelm.data.preferences import unpair
from forgelm.data.rows import PreparedData, Row, RowFormat, SkippedRow, Source
from forgelm.data.split import Split, carve_validation, content_keys

_log = logging.getLogger(__name__)


def prepare_run(config: ForgeConfig) -> PreparedData:
    """Return what a run of ``config`` trains on: ``prepare`` with the run's seed, token and offline switch.

    Where memorisation is measured, canaries are planted among the training rows.
    """
    prepared = prepare(
        config.data,
        seed=config.training.seed,
        offline=config.model.offline,
        token=hub_token(config.auth.hf_token if config.auth else None),
        trainer=config.training.trainer_type,
        images=config.model.images,
    )
    section = config.evaluation.memorisation if config.evaluation else None
    if section is None or not section.enabled:
        return prepared
    planted = plant_canaries(prepared, section, seed=config.training.seed)
    for note in planted.notes[len(prepared.notes) :]:
        _log.info(note)
    return planted


def prepare(
    config: DataConfig,
    *,
    seed: int,
    offline: bool = False,
    token: str | None = None,
    trainer: str = SFT,
    images: MultimodalConfig | None = None,
) -> PreparedData:
    """Read, normalise, split, mix and shuffle the datasets that ``config`` names.

    The main dataset's validation split is kept as it is; without one its test split is used, else rows of it are held
    out. Extra datasets give training rows only. The same files, config and ``seed`` give the same rows in the same
    order in every process. With ``images`` every row has at least one, read as that section says.

    Raises:
        DataError: a dataset cannot be found, read or trained on, or two of them have different formats.
    """
    names = [config.dataset_name_or_path, *(config.extra_datasets or ())]
    pictures = PictureReader(images, offline=offline or is_offline()) if images is not None else None
    datasets = []
    for place, name in enumerate(names):
        raw = load_rows(name, train_only=place > 0, offline=offline, token=token)
        datasets.append(normalise(raw, config, is_extra=place > 0, trainer=trainer, pictures=pictures))
    _check_one_format(datasets)
    split, notes = _split_main(datasets[0], config, seed)
    extras, kept_out = _keep_out_held(datasets[1:], split)
    taken, left_out = mix_rows([split.train, *extras], config.mix_ratio, seed=seed)
    train = [row for rows in taken for row in rows]
    if not train:
        raise DataError("no rows are left to train on", hint="see data.mix_ratio and data.validation_split_ratio")
    if config.shuffle:
        random.Random(seed).shuffle(train)
    row_format = datasets[0].format
    held_out = split.validation
    if trainer == "kto" and row_format is RowFormat.PREFERENCE:
        # Only now, so that both replies to one prompt stand on the same side of the split.
        row_format, train = RowFormat.UNPAIRED_PREFERENCE, _unpair(train)
        held_out = None if held_out is None else _unpair(held_out)
        notes.append("each pair is trained on as two verdicts: its chosen reply is good, its rejected one is not")
    prepared = PreparedData(
        train=tuple(train),
        validation=tuple(held_out) if held_out is not None else None,
        format=row_format,
        sources=tuple(_describe(dataset, rows, len(train)) for dataset, rows in zip(datasets, taken, strict=True)),
        notes=(*_collect_notes(datasets), *notes, *_note_mix(names, taken, left_out, kept_out)),
        skipped=(*kept_out, *left_out),
        validation_origin=split.origin,
    )
    for note in prepared.notes:
        _log.info(note)
    return prepared


def _unpair(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, value=value) for row in rows for value in unpair(row.value)]


def _check_one_format(datasets: Sequence[NormalisedDataset]) -> None:
    main = datasets[0]
    for other in datasets[1:]:
        if _kind(other) != _kind(main):
            raise DataError(
                f"{other.raw.name} holds {other.detected} rows and {main.raw.name} holds {main.detected} rows; "
                "datasets that are mixed must normalise to one format",
                hint=f"{other.raw.name}: {_kind(other)}; {main.raw.name}: {_kind(main)}; see data.columns",
            )


def _kind(dataset: NormalisedDataset) -> str:
    style = "conversation" if is_conversational(dataset.splits["train"][0]) else "plain text"
    return f"{dataset.format.value} as {style}"


def _split_main(dataset: NormalisedDataset, config: DataConfig, seed: int) -> tuple[Split, list[str]]:
    """Return the main dataset's two sides and how they were made, in words."""
    train = dataset.splits["train"]
    for name in ("validation", "test"):
        if name in dataset.splits:
            held_out = dataset.splits[name]
            return Split(train, held_out, f"{name} split"), _note_own_split(train, held_out, name, config)
    split = carve_validation(train, seed=seed, share=config.validation_split_ratio)
    count = f" ({len(split.validation)} rows)" if split.validation is not None else ""
    return split, [f"validation: {split.origin}{count}"]


def _note_own_split(train: list[Row], held_out: list[Row], name: str, config: DataConfig) -> list[str]:
    notes = [f"validation: the {name} split, {len(held_out)} rows"]
    if config.validation_split_ratio is not None:
        notes.append(f"data.validation_split_ratio has no effect: there is a {name} split")
    known = set(content_keys(train))
    leaked = sum(key in known for key in content_keys(held_out))
    if leaked:
        notes.append(
            f"{leaked} of {len(held_out)} validation rows are training rows as well: the loss on them flatters"
        )
    return notes


def _keep_out_held(extras: Sequence[NormalisedDataset], split: Split) -> tuple[list[list[Row]], list[SkippedRow]]:
    """Leave rows equal to a held-out row out of the extra datasets, where this program chose the held-out rows."""
    held = set(content_keys(split.validation or ())) if split.origin.startswith("carved") and extras else set()
    kept: list[list[Row]] = []
    skipped: list[SkippedRow] = []
    for dataset in extras:
        rows = dataset.splits["train"]
        known = [key in held for key in content_keys(rows)] if held else [False] * len(rows)
        kept.append([row for row, is_held in zip(rows, known, strict=True) if not is_held])
        skipped += [
            SkippedRow(row.source, row.number, "equal to a validation row", row.part)
            for row, is_held in zip(rows, known, strict=True)
            if is_held
        ]
    return kept, skipped


def _describe(dataset: NormalisedDataset, taken: list[Row], total: int) -> Source:
    return Source(
        name=dataset.raw.name,
        kind=dataset.raw.kind,
        rows=sum(len(rows) for rows in dataset.raw.splits.values()),
        columns=dataset.columns,
        detected=dataset.detected,
        mapping=dataset.mapping,
        files=dataset.raw.files,
        fingerprint=dataset.raw.fingerprint,
        share=len(taken) / total,
    )


def _collect_notes(datasets: Sequence[NormalisedDataset]) -> list[str]:
    notes: list[str] = []
    for dataset in datasets:
        mapping = ", ".join(part if part == column else f"{part} from {column}" for part, column in dataset.mapping)
        notes.append(f"{dataset.raw.name}: read as {dataset.detected} ({mapping})")
        notes += [*dataset.raw.notes, *dataset.notes]
    return notes


def _note_mix(
    names: list[str], taken: list[list[Row]], left_out: list[SkippedRow], kept_out: list[SkippedRow]
) -> list[str]:
    notes = []
    if len(names) > 1:
        total = sum(len(rows) for rows in taken)
        shares = ", ".join(
            f"{name} {len(rows)} ({len(rows) / total:.1%})" for name, rows in zip(names, taken, strict=True)
        )
        notes.append(f"training rows by dataset: {shares}")
        notes.append(f"validation rows come from {names[0]} only")
    if left_out:
        notes.append(f"{len(left_out)} rows left out to meet data.mix_ratio")
    if kept_out:
        notes.append(f"{len(kept_out)} rows of extra datasets left out: equal to validation rows")
    return notes
