from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evidence_by_hand import evidence, manifest

from forgelm.evidence.bundle.case import Case
from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.model_checks import known_files
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.bundle.statement_checks import check_bom, check_list_signature, check_provenance, check_signature
from forgelm.evidence.bundle.trust import Trust
from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.hashing import compute_root


def test_a_key_that_is_given_must_have_signed(tmp_path: Path, key: EcKey) -> None:
    case = Case(
        evidence(tmp_path, {"m/model_integrity.json": manifest({"w": b""})}), LogFacts(), None, Trust((key.public,))
    )
    assert check_signature(case).status is Status.FAILED
    assert check_list_signature(case).status is Status.NOT_CHECKED


def test_a_signature_over_something_else_is_no_signature_of_the_list(tmp_path: Path, key: EcKey) -> None:
    for statement in ({"_type": STATEMENT_TYPE}, {"_type": STATEMENT_TYPE, "subject": [{"name": "bundle.json"}]}):
        signature = json.dumps(build_bundle(statement, key.public, key.sign)).encode()
        found = evidence(tmp_path, {}, bundle_json=b"{}", bundle_sig=signature)
        assert check_list_signature(Case(found, LogFacts(), None, Trust((key.public,)))).status is Status.FAILED
    found = evidence(tmp_path, {}, bundle_json=b"{}", bundle_sig=b"{}")
    assert check_list_signature(Case(found, LogFacts(), None, Trust((key.public,)))).findings == ("bundle.sig",)


MODEL = {"m/model_integrity.json": manifest({"w": b"weights"}), "m/w": b"weights"}
PROVENANCE = "compliance/provenance.intoto.json"
BOM = "compliance/ml_bom.cdx.json"


def provenance(root: Path) -> dict[str, Any]:
    files = known_files(Case(evidence(root, MODEL), LogFacts(), None), "m")
    named = [("final_model", compute_root(files)), *((f"final_model/{item.file}", item.sha256) for item in files)]
    return {"_type": STATEMENT_TYPE, "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in named]}


def judge(root: Path, statement: Any, trust: Trust | None = None, **outer: bytes) -> Check:
    found = evidence(root, {**MODEL, PROVENANCE: json.dumps(statement).encode()}, **outer)
    return check_provenance(Case(found, LogFacts(), None, trust or Trust()))


def test_provenance_is_of_the_model_file_by_file(tmp_path: Path) -> None:
    statement = provenance(tmp_path)
    assert judge(tmp_path, statement).status is Status.PASSED
    for changed in (
        statement["subject"][:1],
        statement["subject"][1:],
        [*statement["subject"], {"name": "x", "digest": {"sha256": "0"}}],
    ):
        assert judge(tmp_path, {**statement, "subject": changed}).findings == (PROVENANCE,)
    for wrong in ([], {}, {"subject": []}, {"subject": [7]}, "text"):
        assert judge(tmp_path, wrong).status is Status.FAILED
    assert check_provenance(Case(evidence(tmp_path, MODEL), LogFacts(), None)).status is Status.NOT_CHECKED


def test_a_signature_of_the_provenance_is_checked_with_the_key(tmp_path: Path, key: EcKey) -> None:
    statement, trust = provenance(tmp_path), Trust((key.public,))

    def signed(other: dict[str, Any]) -> bytes:
        return json.dumps(build_bundle(other, key.public, key.sign)).encode()

    found = judge(tmp_path, statement, trust, provenance_sig=signed(statement))
    assert (found.status, "signed by the key given" in found.detail) == (Status.PASSED, True)
    assert "signed" not in judge(tmp_path, statement, provenance_sig=signed(statement)).detail
    for wrong in (signed({"_type": STATEMENT_TYPE}), b"{}"):
        assert judge(tmp_path, statement, trust, provenance_sig=wrong).findings == ("provenance.sig",)


@pytest.mark.parametrize("names", [["w"], ["w", "model_integrity.json", "x"], []])
def test_a_bill_of_materials_lists_the_model_s_files_and_no_others(tmp_path: Path, names: list[str]) -> None:
    files = {item.file: item.sha256 for item in known_files(Case(evidence(tmp_path, MODEL), LogFacts(), None), "m")}

    def judge_bom(names: list[str]) -> Status:
        listed = [{"name": name, "hashes": [{"content": files.get(name, "0")}]} for name in names]
        bom = {"metadata": {"component": {"components": listed}}}
        found = evidence(tmp_path, {**MODEL, BOM: json.dumps(bom).encode()})
        return check_bom(Case(found, LogFacts(), None)).status

    assert judge_bom(list(files)) is Status.PASSED
    assert judge_bom(names) is Status.FAILED


def test_a_bill_of_materials_of_another_form_is_none(tmp_path: Path) -> None:
    for data in (b"", b"[]", b"{}", b"[" * 100_000):
        assert check_bom(Case(evidence(tmp_path, {BOM: data}), LogFacts(), None)).findings == (BOM,)
    assert check_bom(Case(evidence(tmp_path, {}), LogFacts(), None)).status is Status.NOT_CHECKED
