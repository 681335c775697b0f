"""Whatever is done to an Annex IV file or to the evidence it points to is noticed, and never by a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forgelm.base.errors import ConfigError
from forgelm.evidence.documents.annex_iv import count, manifest_hash
from forgelm.evidence.documents.verify_annex_iv import VerifyAnnexIVResult, verify_annex_iv_artifact

Change = Callable[[dict[str, Any]], object]
NAME = "annex_iv_metadata.json"


@pytest.fixture
def folder(full_documents: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(full_documents, tmp_path / "compliance"))


def verify(folder: Path) -> VerifyAnnexIVResult:
    return verify_annex_iv_artifact(str(folder / NAME))


def rewrite(folder: Path, change: Change, *, stamp: bool) -> VerifyAnnexIVResult:
    """Change the file, take its hash and counts again when ``stamp`` is set, and verify it."""
    record = json.loads((folder / NAME).read_text())
    change(record)
    if stamp and isinstance(record, dict) and isinstance(record.get("metadata"), dict):
        if isinstance(record.get("items"), dict):
            parts = record["items"].get("1", {}).get("parts", {})
            listed = {**parts, **{key: item for key, item in record["items"].items() if key != "1"}}
            if all(isinstance(item, dict) for item in listed.values()):
                record["coverage"] = count(
                    {key: {"status": item.get("status", "missing")} for key, item in listed.items()}
                )
        record["metadata"]["manifest_hash"] = manifest_hash(record)
    (folder / NAME).write_text(json.dumps(record))
    return verify(folder)


def test_the_file_of_a_run_is_valid(full_documents: Path) -> None:
    result = verify(full_documents)
    assert (result.valid, result.reason, result.failure) == (True, None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["items"]["4"]["declaration"].update(statement="Another statement about the metrics."),
        lambda r: r.update(extra=1),
        lambda r: r["performance_metrics"].update(eval_loss=0.0001),
        lambda r: r["items"].pop("9"),
        lambda r: r["metadata"].update(manifest_hash="0" * 64),
    ],
)
def test_a_change_breaks_the_hash(folder: Path, change: Change) -> None:
    result = rewrite(folder, change, stamp=False)
    assert (result.valid, result.failure) == (False, "integrity")
    assert result.manifest_hash_actual != result.manifest_hash_expected


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (lambda r: r["items"].pop("9"), "9"),
        (lambda r: r["items"]["1"]["parts"].pop("1d"), "1d"),
        (lambda r: r["items"].pop("1"), "1a"),
        (lambda r: r["items"]["4"].update(status="missing"), "4"),
        (lambda r: r["items"]["4"].update(status="compliant"), "4"),
        (lambda r: r["items"]["4"].update(declaration=None), "4"),
        (lambda r: r["items"]["4"]["declaration"].update(statement="n/a"), "4"),
        (lambda r: r["items"]["4"]["declaration"].update(statement="t" + "odo: write"), "4"),
        (lambda r: r["items"]["4"]["declaration"].update(statement=3), "4"),
        (lambda r: r["items"]["4"]["declaration"].update(by=""), "4"),
        (lambda r: r["items"]["4"]["declaration"].update(on="soon"), "4"),
        (lambda r: r["items"]["2f"]["declaration"].update(statement="..."), "2f"),
        (lambda r: r["items"]["2c"].update(evidence=[]), "2c"),
        (lambda r: r.update(items=[]), "2c"),
        (lambda r: r.pop("items"), "1a"),
        (lambda r: r["system_identification"].update(provider_name="tbd"), "system_identification.provider_name"),
        (lambda r: r.pop("system_identification"), "system_identification.system_name"),
    ],
)
def test_what_is_not_filled_is_named_although_the_hash_holds(folder: Path, change: Change, missing: str) -> None:
    result = rewrite(folder, change, stamp=True)
    assert not result.valid
    assert missing in result.missing_fields
    assert missing in str(result.reason)
    assert result.manifest_hash_actual == result.manifest_hash_expected


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(sha256="0" * 64),
        lambda e: e.update(document="nothing.json"),
        lambda e: e.update(document="../resolved_config.yaml"),
        lambda e: e.update(document="/etc/passwd"),
        lambda e: e.update(document=None),
        lambda e: e.pop("sha256"),
        lambda e: e.update(pointer="/nowhere"),
        lambda e: e.update(pointer=["x"]),
        lambda e: e.pop("document"),
    ],
)
def test_evidence_that_does_not_hold_is_named(folder: Path, change: Change) -> None:
    result = rewrite(folder, lambda record: change(record["items"]["2c"]["evidence"][0]), stamp=True)
    assert (result.valid, result.failure, result.mismatched) == (False, "integrity", ["2c"])


@pytest.mark.parametrize("how", ["changed", "removed", "linked", "swapped"])
def test_a_document_that_is_not_what_it_was(folder: Path, how: str) -> None:
    path = folder / "gpai_compute.json"
    if how == "changed":
        path.write_text(path.read_text().replace("false", "true", 1))
    elif how == "swapped":
        shutil.copy(folder / "annex_xi.json", path)
    else:
        content = path.read_bytes()
        path.unlink()
        if how == "linked":
            (folder / "elsewhere").write_bytes(content)
            path.symlink_to("elsewhere")
    result = verify(folder)
    assert (result.valid, result.failure, result.mismatched) == (False, "integrity", ["2c"])


def test_counts_and_point_1_must_follow_from_the_items(folder: Path) -> None:
    record = json.loads((folder / NAME).read_text())
    record["coverage"]["declared"] += 1
    record["items"]["1"]["status"] = "evidenced"
    record["metadata"]["manifest_hash"] = manifest_hash(record)
    (folder / NAME).write_text(json.dumps(record))
    assert verify(folder).mismatched == ["coverage", "1"]


def test_without_a_hash_the_file_is_not_valid(folder: Path) -> None:
    result = rewrite(folder, lambda record: record.pop("metadata"), stamp=False)
    assert (result.valid, result.manifest_hash_expected) == (False, None)
    assert result.missing_fields == ["metadata.manifest_hash"]


def test_a_file_laid_out_by_the_contract_alone_is_incomplete(tmp_path: Path) -> None:
    record: dict[str, Any] = {"risk_management": {"note": "no risk_assessment block configured"}}
    (tmp_path / NAME).write_text(json.dumps(record | {"metadata": {"manifest_hash": manifest_hash(record)}}))
    result = verify(tmp_path)
    assert (result.valid, result.failure) == (False, "incomplete")
    assert {"2c", "4", "6", "9"} <= set(result.missing_fields)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'"text"', "is not a JSON object"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested too deeply"),
    ],
)
def test_what_is_no_annex_iv_file(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        verify(tmp_path)


def test_a_folder_is_answered_with_the_file_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"compliance/annex_iv_metadata\.json"):
        verify_annex_iv_artifact(str(tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(["items", "coverage", "metadata", "system_identification", "1", "2c", "4", "8"]), JSON)
def test_no_value_anywhere_is_a_traceback(folder: Path, full_documents: Path, key: str, value: Any) -> None:
    shutil.copy(full_documents / NAME, folder / NAME)

    def change(record: dict[str, Any]) -> None:
        (record["items"] if key in record["items"] else record)[key] = value

    assert not rewrite(folder, change, stamp=False).valid
