"""Annex IV: every item of the law has a status, and none is filled by a placeholder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_documents import FULL_ANNEX, IDENTITY

from forgelm.base.errors import ConfigError
from forgelm.base.files import sha256_file
from forgelm.evidence.documents.annex_iv import manifest_hash, read_attachments, resolve_pointer, weakest
from forgelm.evidence.documents.annex_iv_items import ITEMS
from forgelm.evidence.documents.dossier import Dossier
from forgelm.evidence.documents.verify_annex_iv import verify_annex_iv_artifact

Make = Callable[..., Dossier]
Write = Callable[[Dossier], Path]


def read(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "annex_iv_metadata.json").read_text())
    return record


def items(record: dict[str, Any]) -> dict[str, Any]:
    return {**record["items"]["1"]["parts"], **{key: item for key, item in record["items"].items() if key != "1"}}


def test_the_items_are_the_laws() -> None:
    assert list(ITEMS) == [f"1{letter}" for letter in "abcdefgh"] + [f"2{letter}" for letter in "abcdefgh"] + list(
        "3456789"
    )


def test_without_a_described_system_there_is_no_file(make_dossier: Make, write: Write) -> None:
    assert not (write(make_dossier()) / "annex_iv_metadata.json").exists()
    assert not (write(make_dossier(compliance={"provider_name": " "})) / "annex_iv_metadata.json").exists()


def test_what_the_run_knows_is_evidenced_and_the_rest_is_missing(make_dossier: Make, write: Write) -> None:
    folder = write(make_dossier(compliance=IDENTITY))
    record = read(folder)
    found = items(record)
    assert [key for key, item in found.items() if item["status"] == "evidenced"] == ["1c", "1h", "2a", "2c", "2g"]
    assert {item["status"] for key, item in found.items() if key not in ("1c", "1h", "2a", "2c", "2g")} == {"missing"}
    assert found["1a"]["lacking"] == ["version", "relation to earlier versions"]
    assert record["items"]["1"]["status"] == "missing"
    assert record["coverage"] == {"evidenced": 5, "declared": 0, "not_applicable": 0, "missing": 18, "total": 23}
    for item in found.values():
        for place in item["evidence"]:
            assert sha256_file(folder / place["document"]) == place["sha256"]
            assert resolve_pointer(json.loads((folder / place["document"]).read_text()), place["pointer"])
    assert "signed" in found["2g"]["open"][0]


def test_everything_can_be_filled(make_dossier: Make, write: Write) -> None:
    dossier = make_dossier(
        compliance={
            **IDENTITY,
            "annex_iv": FULL_ANNEX,
            "declared_by": "Jane Doe, head of ML",
            "declared_on": "2026-11-20",
        }
    )
    folder = write(dossier)
    record = read(folder)
    assert record["coverage"] == {"evidenced": 5, "declared": 15, "not_applicable": 3, "missing": 0, "total": 23}
    assert record["items"]["1"]["status"] == "declared"
    assert items(record)["2e"]["declaration"] == {
        "statement": "What is declared about item 2e of the annex.",
        "by": "Jane Doe, head of ML",
        "on": "2026-11-20",
    }
    result = verify_annex_iv_artifact(str(folder / "annex_iv_metadata.json"))
    assert result.valid, result.reason
    assert result.missing_fields == []
    assert result.manifest_hash_actual == result.manifest_hash_expected


def test_other_sections_fill_their_items(make_dossier: Make, write: Write) -> None:
    dossier = make_dossier(
        compliance={
            **IDENTITY,
            "system_version": "1.0",
            "previous_versions": "It is the first version.",
            "gpai": {"design_choices": "A small adapter suffices.", "required_hardware": "Any CPU."},
        },
        risk_assessment={
            "intended_use": "Orders.",
            "foreseeable_misuse": ["Advice"],
            "mitigation_measures": ["A check."],
        },
        data={"governance": {"collection_method": "Written by hand.", "annotation_process": "By two people."}},
    )
    found = items(read(write(dossier)))
    assert [key for key, item in found.items() if item["status"] == "declared"] == ["1a", "1e", "2b", "2d", "5"]
    assert "first version" in found["1a"]["declaration"]["statement"]


@pytest.mark.parametrize("word", ["n/a", "...", "to" + "do", "", "tbd"])
def test_a_placeholder_in_another_section_fills_nothing(make_dossier: Make, write: Write, word: str) -> None:
    dossier = make_dossier(
        compliance={**IDENTITY, "system_version": "1.0", "previous_versions": "First.", "intended_purpose": word},
        risk_assessment={"intended_use": word, "foreseeable_misuse": [word], "mitigation_measures": ["A check."]},
        data={"governance": {"collection_method": word, "annotation_process": "By two people."}},
    )
    folder = write(dossier)
    found = items(read(folder))
    assert {found[key]["status"] for key in ("1a", "2d", "5")} == {"missing"}
    assert found["1a"]["lacking"] == ["intended purpose" + (": what is declared is a placeholder" if word else "")]
    result = verify_annex_iv_artifact(str(folder / "annex_iv_metadata.json"))
    assert "system_identification.intended_purpose" in result.missing_fields


def test_a_document_is_attached_and_pinned(make_dossier: Make, write: Write, tmp_path: Path) -> None:
    path = tmp_path / "Declaration.PDF"
    path.write_bytes(b"%PDF-1.7 declaration")
    without = {"8": {"statement": "The declaration was drawn up."}}
    found = items(read(write(make_dossier(compliance={**IDENTITY, "annex_iv": without}))))
    assert found["8"]["status"] == "missing"
    with_file = {"8": {"statement": "The declaration was drawn up.", "file": str(path)}}
    folder = write(make_dossier(compliance={**IDENTITY, "annex_iv": with_file}))
    declared = items(read(folder))["8"]
    assert declared["status"] == "declared"
    assert declared["declaration"]["document"] == "annex_iv_8.pdf"
    assert (folder / "annex_iv_8.pdf").read_bytes() == path.read_bytes()
    assert "href='annex_iv_8.pdf'" in (folder / "annex_iv_metadata.html").read_text(encoding="utf-8")
    assert "8" not in verify_annex_iv_artifact(str(folder / "annex_iv_metadata.json")).missing_fields
    (folder / "annex_iv_8.pdf").write_bytes(b"another")
    assert verify_annex_iv_artifact(str(folder / "annex_iv_metadata.json")).mismatched == ["8"]


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b"", "is empty")])
def test_a_document_that_cannot_be_attached(
    make_dossier: Make, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "declaration.pdf"
    if content is not None:
        path.write_bytes(content)
    dossier = make_dossier(compliance={**IDENTITY, "annex_iv": {"8": {"statement": "It is there.", "file": str(path)}}})
    with pytest.raises(ConfigError, match=f"compliance.annex_iv.8.file: .*{message}"):
        read_attachments(dossier.compliance.annex_iv)


def test_the_contracts_keys_are_there(make_dossier: Make, write: Write) -> None:
    record = read(write(make_dossier(compliance=IDENTITY, risk_assessment={"intended_use": "Orders."})))
    nine = (
        *("system_identification", "intended_purpose", "system_components", "computational_resources"),
        *("data_governance", "technical_documentation", "monitoring_and_logging", "performance_metrics"),
        "risk_management",
    )
    assert all(record[key] for key in nine)
    assert record["provider_metadata"]["provider_name"] == "Exemplar GmbH"
    assert record["metadata"]["manifest_hash"] == manifest_hash(record)


def test_the_hash_is_over_everything_but_itself() -> None:
    record = {"b": 1, "a": "ü", "metadata": {"manifest_hash": "x", "manifest_signature": "y"}}
    assert manifest_hash(record) == manifest_hash({"a": "ü", "b": 1})
    assert manifest_hash(record | {"metadata": {"other": 1}}) != manifest_hash(record)
    assert manifest_hash(record | {"b": 2}) != manifest_hash(record)


@pytest.mark.parametrize(
    ("statuses", "weakest_of_them"),
    [
        (["evidenced", "missing", "declared"], "missing"),
        (["evidenced", "declared", "not_applicable"], "declared"),
        (["not_applicable", "evidenced"], "evidenced"),
        (["not_applicable"] * 2, "not_applicable"),
    ],
)
def test_point_1_is_as_weak_as_its_weakest_letter(statuses: list[str], weakest_of_them: str) -> None:
    assert weakest(statuses) == weakest_of_them


def test_pointers() -> None:
    document = {"a/b": [{"c~d": 1}], "": 2}
    assert resolve_pointer(document, "") is document
    assert resolve_pointer(document, "/a~1b/0/c~0d") == 1
    assert resolve_pointer(document, "/") == 2
    for wrong in ("a", "/a", "/a~1b/1", "/a~1b/-1", "/a~1b/x", "/a~1b/0/c~0d/e"):
        with pytest.raises(LookupError):
            resolve_pointer(document, wrong)
