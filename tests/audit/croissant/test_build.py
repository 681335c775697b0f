"""Croissant descriptions, judged by the reference implementation: it accepts them, and reads the rows through them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from forgelm.audit.croissant.build import CROISSANT, CROISSANT_RAI, DescribedDataset, DescribedFile, Origin
from forgelm.audit.croissant.build import build_croissant as build
from forgelm.audit.croissant.column_types import observe_rows
from forgelm.base.files import sha256_file, write_json

mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is in the extra dev")

CHATS = [
    {
        "id": number,
        "score": number / 2,
        "good": number % 2 == 0,
        "tags": ["a", "b"],
        "messages": [
            {"role": "user", "content": f"Question {number}?"},
            {"role": "assistant", "content": f"Grüße, {number}.", "tool_calls": [{"function": {"name": "f"}}]},
        ],
        "a b/ü'": "odd name",
        "split": "their own",
    }
    for number in range(3)
]
FLAT = [{"text": f"row {number}", "count": number} for number in range(3)]


def write_file(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(json.dumps(rows) if path.suffix == ".json" else lines, encoding="utf-8")


def describe(folder: Path, files: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """Write the files, given as name and split, and return the description of them all."""
    described = []
    for name, split in files.items():
        rows = FLAT if name.endswith(".csv") else CHATS
        path = folder / "data" / name
        write_file(path, rows)
        described.append(
            DescribedFile(name, f"../data/{name}", split, sha256_file(path), path.stat().st_size, observe_rows(rows))
        )
    return build(
        DescribedDataset(
            "support", "Chats.", tuple(described), "forgelm audit", "2026-11-24T12:00:00+00:00",
            **{"license": "apache-2.0", "date_published": "2026-11-01", **more},
        )
    )  # fmt: skip


def load(folder: Path, description: dict[str, Any], caplog: pytest.LogCaptureFixture) -> Any:
    path = write_json(folder / "audit" / "croissant.json", description)
    loaded = mlcroissant.Dataset(path)
    assert loaded.metadata.issues.errors == set()
    assert "not standard" not in caplog.text  # what it says when a key of the standard context is missing
    return loaded


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz", "train.json", "train.parquet"])
def test_conversations_are_read_through_their_description(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = load(tmp_path, describe(tmp_path, {name: "train"}), caplog)
    rows = list(loaded.records("train"))
    assert len(rows) == len(CHATS)
    for row, wanted in zip(rows, CHATS, strict=True):
        assert row["train/id"] == wanted["id"]
        assert row["train/score"] == wanted["score"]
        assert row["train/good"] is wanted["good"]
        assert row["train/tags"] == [b"a", b"b"]
        assert row["train/a%20b/%C3%BC%27"] == b"odd name"
        assert row["train/split"] == b"their own"
        assert row["train/split_name#constant"] == b"train"
        assert [turn["train/messages/content"].decode() for turn in row["train/messages"]] == [
            turn["content"] for turn in wanted["messages"]
        ]


def test_tables_have_types(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    description = describe(tmp_path, {"train.csv": "train"})
    (_, columns) = description["recordSet"]
    assert {column["name"]: column["dataType"] for column in columns["field"]} == {
        "split": "sc:Text",
        "text": "sc:Text",
        "count": "sc:Integer",
    }
    rows = list(load(tmp_path, description, caplog).records("train"))
    assert [row["train/count"] for row in rows] == [0, 1, 2]


def test_a_folder_of_splits_has_a_record_set_for_every_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"train/a.jsonl": "train", "train/b.jsonl": "train", "dev.parquet": "validation", "test.json": "test"}
    statistics = {"train": {"rows": 6, "text_length.mean": 20.5, "text_length.max": 21}, "test": {"rows": 3}}
    description = describe(tmp_path, files, statistics=statistics)
    assert [file["sha256"] for file in description["distribution"]] == [
        sha256_file(tmp_path / "data" / name) for name in files
    ]
    loaded = load(tmp_path, description, caplog)
    sets = [record_set.id for record_set in loaded.metadata.record_sets]
    assert sets == ["splits", "train/train/a.jsonl", "train/train/b.jsonl", "validation", "test"]
    assert list(loaded.records("splits")) == [
        {"splits/name": "train", "splits/url": "cr:TrainingSplit"},
        {"splits/name": "validation", "splits/url": "cr:ValidationSplit"},
        {"splits/name": "test", "splits/url": "cr:TestSplit"},
    ]
    assert [len(list(loaded.records(name))) for name in sets[1:]] == [3, 3, 3, 3]
    stated = {note["@id"]: note["value"] for part in description["recordSet"] for note in part.get("annotation", [])}
    assert stated == {
        "train/statistics/rows": 6,
        "train/statistics/text_length.mean": 20.5,
        "train/statistics/text_length.max": 21,
        "test/statistics/rows": 3,
    }


def test_provenance_licence_and_responsibility_survive_the_reference_implementation(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = describe(
        tmp_path,
        {"train.jsonl": "train"},
        origins=(Origin("org/chats", "0a1b2c"), Origin("more.jsonl")),
        preparation=("2 rows without an answer were left out",),
        responsible={"personalSensitiveInformation": ["email: 3 matches, severity medium"], "dataBiases": ["English"]},
        languages=("en", "de"),
        creator="Example GmbH",
    )
    assert description["conformsTo"] == [CROISSANT, CROISSANT_RAI]
    assert [origin["prov:label"] for origin in description["prov:wasDerivedFrom"]] == ["org/chats", "more.jsonl"]
    metadata = load(tmp_path, description, caplog).metadata
    assert metadata.license == ["https://spdx.org/licenses/apache-2.0"]
    assert metadata.personal_sensitive_information == ["email: 3 matches, severity medium"]
    assert metadata.data_preprocessing_protocol == ["2 rows without an answer were left out"]
    assert metadata.data_biases == ["English"]
    assert metadata.in_language == ["en", "de"]
    assert metadata.creators[0].name == "Example GmbH"


def test_what_is_unknown_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    description = describe(tmp_path, {"train.jsonl": "train"}, license=None, date_published=None)
    for name in ("license", "creator", "url", "datePublished", "inLanguage", "prov:wasDerivedFrom"):
        assert name not in description
    assert description["conformsTo"] == [CROISSANT]
    assert description["sdDatePublished"] == "2026-11-24T12:00:00+00:00"
    load(tmp_path, description, caplog)


@pytest.mark.parametrize(
    ("given", "stated"),
    [
        ("mit", "https://spdx.org/licenses/mit"),
        ("https://example.org/terms", "https://example.org/terms"),
        ("our own terms", "our own terms"),
    ],
)
def test_a_licence_known_by_its_identifier_becomes_an_address(given: str, stated: str, tmp_path: Path) -> None:
    assert describe(tmp_path, {"train.jsonl": "train"}, license=given)["license"] == stated


def test_splits_without_a_usual_name_have_no_meaning_attached(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = load(tmp_path, describe(tmp_path, {"batch-7.jsonl": "batch-7", "splits.jsonl": "splits"}), caplog)
    assert list(loaded.records("splits")) == [{"splits/name": "batch-7"}, {"splits/name": "splits"}]
    assert len(list(loaded.records("splits/splits.jsonl"))) == 3


def test_a_column_of_several_types_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"value": 1}, {"value": "one"}, {"empty": None}]
    write_file(tmp_path / "data" / "train.jsonl", rows)
    file = DescribedFile("train.jsonl", "../data/train.jsonl", "train", "0" * 64, 1, observe_rows(rows))
    description = build(DescribedDataset("mixed", "d", (file,), "forgelm audit", "2026-11-24"))
    value, empty = description["recordSet"][1]["field"][1:]
    assert (value["dataType"], value["description"]) == ("sc:Text", "Its values differ in type.")
    assert (empty["dataType"], empty["description"]) == ("sc:Text", "No value was seen.")
    load(tmp_path, description, caplog)
