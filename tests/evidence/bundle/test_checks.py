"""Single checks on evidence made by hand; whole bundles are in test_verify.py."""

from __future__ import annotations

import json
from pathlib import Path

from forgelm.base.files import sha256_bytes
from forgelm.evidence.bundle.checks import (
    Case,
    Trust,
    check_chain,
    check_documents,
    check_list_signature,
    check_model,
    check_seal,
    check_signature,
)
from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.report import Status
from forgelm.evidence.bundle.sources import Evidence
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.hashing import HashedFile


def evidence(root: Path, files: dict[str, bytes], left_out: frozenset[str] = frozenset(), **more: bytes) -> Evidence:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    hashed = {name: HashedFile(name, sha256_bytes(data), len(data)) for name, data in files.items()}
    return Evidence(root, hashed, left_out, **more)


def manifest(files: dict[str, bytes], links: tuple[str, ...] = ()) -> bytes:
    listed = [{"file": name, "sha256": sha256_bytes(data), "size_bytes": len(data)} for name, data in files.items()]
    return json.dumps({"artifacts": listed, "skipped_symlinks": list(links)}).encode()


def test_without_a_log_nothing_is_proven(tmp_path: Path) -> None:
    check = check_chain(Case(evidence(tmp_path, {}), LogFacts(), None))
    assert (check.status, check.findings) == (Status.FAILED, ("audit_log.jsonl",))


def test_documents_are_compared_with_what_the_log_recorded(tmp_path: Path) -> None:
    found = evidence(tmp_path, {"compliance/a": b"1", "compliance/b": b"2"})
    recorded = {"compliance/a": sha256_bytes(b"1"), "compliance/b": sha256_bytes(b"3"), "compliance/c": "0"}
    check = check_documents(Case(found, LogFacts(documents=recorded), None))
    assert (check.status, check.findings) == (Status.FAILED, ("changed: compliance/b", "removed: compliance/c"))
    assert check_documents(Case(found, LogFacts(), None)).status is Status.NOT_CHECKED


def test_a_bundle_s_left_out_files_are_neither_removed_nor_verified(tmp_path: Path) -> None:
    weights, card = {"w": b"weights", "x/y": b"more"}, {"README.md": b"card"}
    sealed = manifest({**weights, **card}, links=("out",))
    files = {"m/model_integrity.json": sealed, "m/README.md": b"card"}
    left = frozenset({"m/w", "m/x/y", "m/out"})
    check = check_model(Case(evidence(tmp_path, files, left), LogFacts(), None))
    assert (check.status, check.detail[:26]) == (Status.NOT_CHECKED, "1 files match; 2 are not i")
    check = check_model(Case(evidence(tmp_path, files, left | {"m/planted"}), LogFacts(), None))
    assert (check.status, check.findings) == (Status.FAILED, ("added: m/planted",))
    check = check_model(Case(evidence(tmp_path, files), LogFacts(), None))
    assert check.findings == ("removed: m/out", "removed: m/w", "removed: m/x/y")


def test_a_manifest_that_cannot_be_used_fails_the_model(tmp_path: Path) -> None:
    for data in (b"{}", b"\xff", manifest({"../x": b""})):
        check = check_model(Case(evidence(tmp_path, {"m/model_integrity.json": data}), LogFacts(), None))
        assert (check.status, check.findings) == (Status.FAILED, ("unusable: m/model_integrity.json",))


def test_only_the_newest_seal_must_still_be_there(tmp_path: Path) -> None:
    sealed = manifest({"w": b""})
    case = Case(evidence(tmp_path, {"m/model_integrity.json": sealed}), LogFacts(), None)
    for seals, status in (
        ([(3, "gone"), (9, sha256_bytes(sealed))], Status.PASSED),
        ([(3, sha256_bytes(sealed)), (9, "gone")], Status.FAILED),
        ([], Status.FAILED),
    ):
        assert check_seal(Case(case.evidence, LogFacts(seals=seals), None)).status is status
    assert check_seal(Case(evidence(tmp_path, {}), LogFacts(), None)).status is Status.NOT_CHECKED


def test_a_key_that_is_given_must_have_signed(tmp_path: Path, key: EcKey) -> None:
    case = Case(
        evidence(tmp_path, {"m/model_integrity.json": manifest({"w": b""})}), LogFacts(), None, Trust((key.public,))
    )
    assert check_signature(case).status is Status.FAILED
    assert check_list_signature(case).status is Status.NOT_CHECKED


def test_a_signature_over_something_else_is_no_signature_of_the_list(tmp_path: Path, key: EcKey) -> None:
    from forgelm.evidence.dsse import STATEMENT_TYPE, build_bundle

    for statement in ({"_type": STATEMENT_TYPE}, {"_type": STATEMENT_TYPE, "subject": [{"name": "bundle.json"}]}):
        signature = json.dumps(build_bundle(statement, key.public, key.sign)).encode()
        found = evidence(tmp_path, {}, listing=b"{}", signature=signature)
        assert check_list_signature(Case(found, LogFacts(), None, Trust((key.public,)))).status is Status.FAILED
    found = evidence(tmp_path, {}, listing=b"{}", signature=b"{}")
    assert check_list_signature(Case(found, LogFacts(), None, Trust((key.public,)))).findings == ("bundle.sig",)
