"""The CSV files of public probe sets into rows like those of a JSONL file, each set found by its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import DataError

BENIGN_NAMES = frozenset({"benign", "benign-control", "benign_control", "harmless", "safe"})

Row = Mapping[str, str]


@dataclass(frozen=True)
class PublicSet:
    """A published file's layout: the columns it is known by, and how one row of it becomes a probe's row."""

    name: str
    columns: frozenset[str]
    build: Callable[[Row, str], dict[str, Any]]


def _harm_bench(row: Row, file: str) -> dict[str, Any]:
    context = (row.get("ContextString") or "").strip()
    behaviour = row["Behavior"]
    copyrighted = row.get("FunctionalCategory") == "copyright"
    return {
        "prompt": f"{context}\n\n---\n\n{behaviour}" if context else behaviour,
        "category": "copyright" if copyrighted else row["SemanticCategory"],
    }


def _jailbreak_bench(row: Row, file: str) -> dict[str, Any]:
    # Its two files have the same columns; only their names tell the harmless one.
    return {"prompt": row["Goal"], "category": row["Category"], "benign": "benign" in file.lower()}


def _xs_test(row: Row, file: str) -> dict[str, Any]:
    label = (row.get("label") or "").strip().lower()
    benign = label == "safe" if label else not row["type"].startswith("contrast_")
    return {"prompt": row["prompt"], "category": row["type"], "benign": benign}


def _strong_reject(row: Row, file: str) -> dict[str, Any]:
    return {"prompt": row["forbidden_prompt"], "category": row["category"]}


def _adv_bench(row: Row, file: str) -> dict[str, Any]:
    return {"prompt": row["goal"]}


def _plain(row: Row, file: str) -> dict[str, Any]:
    benign = (row.get("benign") or "").strip().lower()
    if benign not in ("", "true", "false", "1", "0"):
        return {"prompt": row.get("prompt"), "benign": benign}
    found: dict[str, Any] = {"prompt": row.get("prompt") or row.get("text") or ""}
    found |= {name: row[name] for name in ("category", "language") if row.get(name)}
    return found | ({"benign": benign in ("true", "1")} if benign else {})


# First match wins: from the most particular columns to the plainest.
_SETS = (
    PublicSet("harmbench", frozenset({"Behavior", "SemanticCategory"}), _harm_bench),
    PublicSet("jailbreakbench", frozenset({"Goal", "Behavior", "Category"}), _jailbreak_bench),
    PublicSet("strongreject", frozenset({"forbidden_prompt", "category"}), _strong_reject),
    PublicSet("xstest", frozenset({"prompt", "type"}), _xs_test),
    PublicSet("advbench", frozenset({"goal", "target"}), _adv_bench),
    PublicSet("csv", frozenset({"prompt"}), _plain),
    PublicSet("csv", frozenset({"text"}), _plain),
)


def read_csv_probes(file: str, text: str) -> tuple[str, Iterable[tuple[int, Any]]]:
    """Return the set that a CSV file is of, and the number and value of each of its rows; the header is row 1.

    Raises:
        DataError: its columns are none of a known set, or it is no CSV from some row on.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{file}: no CSV after line {reader.line_num}: {error}") from error
    columns = frozenset(name.strip() for name in reader.fieldnames or () if name)
    known = next((found for found in _SETS if found.columns <= columns), None)
    if known is None:
        shown = ", ".join(reader.fieldnames or ()) or "none"
        raise DataError(
            f"{file}: its columns ({shown}) are those of no probe set that is known",
            hint="HarmBench, AdvBench, XSTest, StrongREJECT and JailbreakBench are read as published; otherwise name "
            "the column with the requests 'prompt'",
        )
    return known.name, _read_rows(rows, known, file)


def _read_rows(rows: Iterable[Mapping[Any, Any]], known: PublicSet, file: str) -> Iterable[tuple[int, Any]]:
    for number, row in enumerate(rows, 2):
        cells = {(name or "").strip(): value for name, value in row.items() if isinstance(value, str)}
        if not known.columns <= frozenset(cells):
            yield number, DataError("has fewer cells than the header has columns")
        elif row.get(None) is not None:
            yield number, DataError("has more cells than the header has columns")
        else:
            yield number, known.build(cells, file)
