"""One dataset of any supported shape to normalised rows, with the mapping that was applied and what was changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forgelm.base.errors import DataError
from forgelm.config.data import DataConfig
from forgelm.data.checks import check_row
from forgelm.data.clean import check_value, clean_value
from forgelm.data.detect import SFT, Match, detect
from forgelm.data.pictured import place_pictures, take_pictures
from forgelm.data.pictures import PictureReader
from forgelm.data.problems import RowError, RowProblems, describe, join_names, quote, row_problem
from forgelm.data.rows import RawDataset, Row, RowFormat
from forgelm.data.shapes import Raw

_MOST_REMARKS = 20


@dataclass(frozen=True)
class NormalisedDataset:
    """One dataset in its final format. ``columns`` are the file's, ``mapping`` pairs parts with them."""

    raw: RawDataset
    splits: dict[str, list[Row]]
    format: RowFormat
    detected: str
    columns: tuple[str, ...]
    mapping: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def normalise(
    raw: RawDataset,
    config: DataConfig,
    *,
    is_extra: bool = False,
    trainer: str = SFT,
    pictures: PictureReader | None = None,
) -> NormalisedDataset:
    """Bring every row of a dataset into one of the formats that ``trainer`` trains on.

    ``data.columns`` must name columns of the main dataset; an extra one may have none of them and is then read by
    its own names. ``pictures`` reads the rows' images, where they have to have some.

    Raises:
        DataError: mixed or unknown shapes, or rows that cannot teach anything, the first few with their places.
    """
    shown: tuple[str, ...] = ()
    if pictures is not None:
        raw, shown = take_pictures(raw, pictures), (pictures.section.image_column,)
    rows = [row for part in raw.splits.values() for row in part]
    columns = tuple(dict.fromkeys(column for row in rows if isinstance(row.value, dict) for column in row.value))
    renames, notes = _choose_renames(_asked(config, pictures), columns, raw.name, is_extra=is_extra)
    renamed = {split: [_rename(row, renames) for row in part] for split, part in raw.splits.items()}
    every = [row for part in renamed.values() for row in part]
    match = detect(every, raw.name, config_format=config.format, mapped=frozenset(renames), trainer=trainer)
    unit = _Normaliser(raw.name, match, clean=config.clean_text)
    splits = {split: unit.normalise(part) for split, part in renamed.items()}
    unit.problems.raise_if_any(
        f"{raw.name}: {unit.problems.count} of its {len(rows)} rows cannot be trained on",
        hint="correct these rows or take them out",
    )
    return NormalisedDataset(
        raw=raw,
        splits=splits,
        format=match.shape.format,
        detected=match.shape.label,
        columns=tuple(column.encode("utf-8", "backslashreplace").decode() for column in (*columns, *shown)),
        mapping=(*_show_mapping(match, renames, columns), *(("image", column) for column in shown)),
        notes=(*notes, *_note_unused(match, renames, columns, raw.name), *unit.notes()),
    )


def is_conversational(row: Row) -> bool:
    """Whether a chat template renders this row."""
    return not any(isinstance(row.value.get(part), str) for part in ("prompt", "text"))


class _Normaliser:
    """Builds, cleans and checks the rows of one dataset, counting problems and remarks."""

    def __init__(self, name: str, match: Match, *, clean: bool) -> None:
        self.problems = RowProblems()
        self._name = name
        self._shape = match.shape
        self._columns = dict(match.columns)
        self._clean = clean
        self._labels: dict[str, str] = {}
        self._remarks: dict[str, tuple[int, str]] = {}

    def normalise(self, rows: list[Row]) -> list[Row]:
        done = []
        for row in rows:
            remarks: set[str] = set()
            try:
                done.append(self._normalise(row, remarks))
                self._check_label(row)
            except RowError as error:
                self.problems.add(row_problem(str(error), source=row.source, part=row.part, number=row.number))
            for remark in remarks:
                count, first = self._remarks.get(remark, (0, row.where))
                self._remarks[remark] = (count + 1, first)
        return done

    def _normalise(self, row: Row, remarks: set[str]) -> Row:
        value = self._build(row.value, remarks)
        if row.pictures:
            value = place_pictures(value, row.pictures)
        return replace(row, value=value)

    def notes(self) -> list[str]:
        """Return each remark once, with the number of rows and the first of them."""
        most_frequent = sorted(self._remarks.items(), key=lambda item: (-item[1][0], item[0]))
        shown = [
            f"{self._name}: {remark} ({count} row{'s' if count > 1 else ''}, first at {first})"
            for remark, (count, first) in most_frequent[:_MOST_REMARKS]
        ]
        rest = len(most_frequent) - len(shown)
        return [*shown, f"{self._name}: {rest} more kinds of remark"] if rest else shown

    def _check_label(self, row: Row) -> None:
        """Refuse a label of another type than those before: a 1 among trues is a mistake, not another spelling."""
        if self._shape.format is not RowFormat.UNPAIRED_PREFERENCE:
            return
        kind = describe(row.value[self._columns["label"]])
        first = next(iter(self._labels), kind)
        self._labels.setdefault(kind, row.where)
        if kind != first:
            raise RowError(f"'label' is {kind}, but {first} at {self._labels[first]}; all must be of one type")

    def _build(self, value: Raw, remarks: set[str]) -> Raw:
        for column in self._columns.values():
            if value[column] is None:
                raise RowError(f"'{column}' is null")
        built = self._shape.build(value, self._columns, remarks)
        if self._clean:
            built = clean_value(built, remarks)
        else:
            check_value(built)
        check_row(built, remarks)
        return built


def _asked(config: DataConfig, pictures: PictureReader | None) -> Mapping[Any, str]:
    """Return ``data.columns``, with the column of the text where ``model.multimodal`` names it."""
    if pictures is None or "text_column" not in pictures.section.model_fields_set:
        return config.columns
    return {**config.columns, "text": pictures.section.text_column}


def _choose_renames(
    asked: Mapping[Any, str], columns: tuple[str, ...], name: str, *, is_extra: bool
) -> tuple[dict[str, str], list[str]]:
    """Return which of our names come from which column of this dataset, and remarks."""
    missing = {ours: column for ours, column in asked.items() if column not in columns}
    if is_extra and asked and len(missing) == len(asked):
        return {}, [f"{name}: has none of the columns in data.columns and is read by its own names"]
    if missing:
        ours, column = next(iter(missing.items()))
        near = difflib.get_close_matches(column, columns, n=1)
        raise DataError(
            f"data.columns.{ours}: {name} has no column {quote(column)} (found: {join_names(columns) or 'none'})",
            hint=f"did you mean {near[0]!r}?" if near else None,
        )
    hidden = [ours for ours, column in asked.items() if ours in columns and ours != column]
    unused = [ours for ours in hidden if ours not in asked.values()]
    return dict(asked), [f"{name}: column {ours!r} is replaced by {asked[ours]!r}" for ours in unused]


def _rename(row: Row, renames: Mapping[str, str]) -> Row:
    if not renames or not isinstance(row.value, dict):
        return row
    taken = set(renames.values()) | set(renames)
    kept = {column: value for column, value in row.value.items() if column not in taken}
    moved = {ours: row.value[column] for ours, column in renames.items() if column in row.value}
    return replace(row, value=kept | moved)


def _show_mapping(match: Match, renames: Mapping[str, str], columns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    needed = [(part, renames.get(column, column)) for part, column in match.columns]
    optional = [(name, renames.get(name, name)) for name in match.shape.takes]
    return tuple(needed + [(part, column) for part, column in optional if column in columns])


def _note_unused(match: Match, renames: Mapping[str, str], columns: tuple[str, ...], name: str) -> list[str]:
    if match.shape.keeps_others:
        return []
    used = {column for _, column in _show_mapping(match, renames, columns)}
    unused = [column for column in columns if column not in used and column not in renames]
    return [f"{name}: columns not used: {join_names(unused)}"] if unused else []
