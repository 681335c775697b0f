from __future__ import annotations

from pathlib import Path

from evidence_by_hand import evidence, manifest

from forgelm.base.files import sha256_bytes
from forgelm.evidence.bundle.case import Case
from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.model_checks import check_model, check_seal, known_files
from forgelm.evidence.bundle.report import Status


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


def test_a_file_that_was_left_out_is_known_by_what_the_manifest_says(tmp_path: Path) -> None:
    files = {"m/model_integrity.json": manifest({"w": b"weights", "gone": b"x"}), "m/model.sig": b"{}", "m/extra": b"e"}
    case = Case(evidence(tmp_path, files, frozenset({"m/w"})), LogFacts(), None)
    known = {item.file: item.sha256 for item in known_files(case, "m")}
    assert set(known) == {"model_integrity.json", "extra", "w"}
    assert known["w"] == sha256_bytes(b"weights")
