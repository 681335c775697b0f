"""Bundles and run folders as they are, and changed in every way somebody might try."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packing import flip, pack, restamp, unpack

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import MERGE_FILE
from forgelm.evidence.anchor import read_anchors
from forgelm.evidence.bundle.report import Status, Verification, render_verification
from forgelm.evidence.bundle.standalone import render_verifier
from forgelm.evidence.bundle.trust import Trust
from forgelm.evidence.bundle.verify import verify_evidence
from forgelm.evidence.bundle.write import write_bundle
from forgelm.evidence.ec_key import EcKey
from forgelm.evidence.erasure.purge import PurgeKind, purge_run
from forgelm.evidence.inventory import write_integrity_manifest
from forgelm.evidence.keys import generate_key
from forgelm.evidence.ledger import AuditLogger


def by_name(found: Verification) -> dict[str, Status]:
    return {check.name: check.status for check in found.checks}


def failures(found: Verification) -> str:
    return "\n".join(
        f"{check.name}: {check.detail} {check.findings}" for check in found.checks if check.status is Status.FAILED
    )


def test_a_signed_bundle_leaves_unchecked_only_what_nobody_brought_along(whole: Path, key: EcKey) -> None:
    found = verify_evidence(whole, Trust((key.public,)))
    unchecked = {name for name, status in by_name(found).items() if status is not Status.PASSED}
    assert unchecked == {"log tags", "log signature", "log anchors", "report signature", "approvals"}
    assert (found.valid, found.state) == (True, "closed")


def test_without_a_key_signatures_are_named_as_not_checked(whole: Path, light: Path) -> None:
    for bundle in (whole, light):
        found = by_name(verify_evidence(bundle))
        assert {name for name, status in found.items() if status is Status.FAILED} == set()
        assert {"model signature", "bundle signature"} <= {n for n, s in found.items() if s is Status.NOT_CHECKED}


def test_weights_that_are_not_there_are_said_to_be_not_checked(light: Path, key: EcKey) -> None:
    found = verify_evidence(light, Trust((key.public,)))
    model = next(check for check in found.checks if check.name == "model files")
    assert model.status is Status.NOT_CHECKED
    assert "are not in the bundle" in model.detail
    assert by_name(found)["model signature"] is Status.PASSED


def test_an_unpacked_bundle_and_the_run_folder_give_the_same_answer(
    whole: Path, signed_run: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(whole) as archive:
        archive.extractall(tmp_path)
    packed, unpacked = by_name(verify_evidence(whole)), by_name(verify_evidence(tmp_path))
    assert packed == unpacked
    folder = by_name(verify_evidence(signed_run))
    assert {name: status for name, status in packed.items() if name != "contents"} == folder
    (tmp_path / "planted").write_text("x")
    (tmp_path / "run" / "link").symlink_to("audit_log.jsonl")
    shutil.rmtree(tmp_path / "run" / "compliance")
    text = failures(verify_evidence(tmp_path))
    assert "added: planted" in text
    assert "added: run/link" in text
    assert "removed: run/compliance/compliance_report.json" in text


def test_every_member_flipped_removed_or_added_is_caught_and_named(whole: Path, tmp_path: Path) -> None:
    members = unpack(whole)
    assert len(members) > 15
    other = tmp_path / "other.zip"
    for name, data in members.items():
        if name == "bundle.sig":
            continue
        for changed in (
            {**members, name: flip(data)},
            {**members, name: b""},
            {k: v for k, v in members.items() if k != name},
        ):
            text = failures(verify_evidence(pack(other, changed)))
            assert name in text, (name, text)
    text = failures(verify_evidence(pack(other, {**members, "run/compliance/extra.json": b"{}"})))
    assert "added: run/compliance/extra.json" in text


def test_with_the_list_written_anew_the_run_s_own_records_catch_it(whole: Path, key: EcKey, tmp_path: Path) -> None:
    """Whoever changes a member can also change the list; what the log and the seals record stands against that."""
    members, other = unpack(whole), tmp_path / "other.zip"
    only_signed = {"README.txt", "verify.py", "bundle.json", "bundle.sig", "provenance.sig"}
    beside_the_log = {"run/audit_log.jsonl.manifest.json", "run/audit_log.jsonl.checkpoint"}
    for name in sorted(members.keys() - only_signed - beside_the_log):
        for changed in ({**members, name: flip(members[name])}, {k: v for k, v in members.items() if k != name}):
            trust = Trust((key.public,)) if name == "run/final_model/model.sig" else Trust()
            text = failures(verify_evidence(pack(other, restamp(changed)), trust))
            assert name.removeprefix("run/").split("/")[-1] in text, (name, text)
    planted = restamp({**members, "run/final_model/extra.py": b"import os"})
    assert "added: final_model/extra.py" in failures(verify_evidence(pack(other, planted)))


def test_with_a_key_not_even_the_verifier_in_it_can_change(whole: Path, key: EcKey, tmp_path: Path) -> None:
    members = unpack(whole)
    for name in ("README.txt", "verify.py"):
        changed = pack(tmp_path / "other.zip", restamp({**members, name: flip(members[name])}))
        assert verify_evidence(changed).valid
        assert "bundle signature: it signs another bundle.json" in failures(
            verify_evidence(changed, Trust((key.public,)))
        )


def test_a_run_that_was_killed_verifies_as_open(tmp_path: Path) -> None:
    logger = AuditLogger(str(tmp_path), "fg-1")
    logger.log_event("pipeline.initialized", model="m")
    found = verify_evidence(tmp_path)
    assert (found.valid, found.state, found.run_id) == (True, "open", "fg-1")
    assert "The log is open" in found.not_proven[0]
    assert by_name(found)["documents"] is by_name(found)["model files"] is Status.NOT_CHECKED
    with (tmp_path / "audit_log.jsonl").open("ab") as stream:
        stream.write(b'{"torn')
    assert "log chain: line 2: incomplete" in failures(verify_evidence(tmp_path))


def test_the_tags_are_checked_with_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGELM_AUDIT_SECRET", "a secret of some length")
    AuditLogger(str(tmp_path)).log_event("test.event")
    assert by_name(verify_evidence(tmp_path, Trust(hmac_secret="a secret of some length")))["log tags"] is Status.PASSED
    assert "log tags" in failures(verify_evidence(tmp_path, Trust(hmac_secret="another secret of length")))


def test_a_model_the_log_seals_and_nobody_finds_is_a_failure(run_folder: Path) -> None:
    (run_folder / "final_model").rename(run_folder / "elsewhere")
    found = verify_evidence(run_folder)
    assert found.valid, "a sealed folder counts by what it is, not by its name"
    shutil.rmtree(run_folder / "elsewhere")
    assert "the model whose seal is recorded in line" in failures(verify_evidence(run_folder))


def test_a_merged_model_in_the_folder_of_a_run_is_said_to_be_none_of_its_models(run_folder: Path) -> None:
    shutil.copytree(run_folder / "final_model", run_folder / "merged")
    (run_folder / "merged" / MERGE_FILE).write_text("{}")
    write_integrity_manifest(run_folder / "merged")
    wrong = "not recorded: merged/model_integrity.json, of a merged model: it is none of this run's"
    assert wrong in failures(verify_evidence(run_folder))
    assert wrong in failures(verify_evidence(write_bundle(run_folder, run_folder.parent / "run.zip").path))


def test_a_model_sealed_again_after_a_change_is_not_the_one_the_log_records(run_folder: Path) -> None:
    from forgelm.evidence.inventory import verify_integrity, write_integrity_manifest

    (run_folder / "final_model" / "adapter_model.safetensors").write_bytes(b"other weights")
    (run_folder / "final_model" / "model.sig").unlink()
    write_integrity_manifest(run_folder / "final_model")
    assert verify_integrity(str(run_folder / "final_model")).valid
    assert "not recorded: final_model/model_integrity.json" in failures(verify_evidence(run_folder))


def test_documents_the_log_does_not_record_are_named(run_folder: Path) -> None:
    (run_folder / "compliance" / "later.json").write_text(json.dumps({}))
    found = next(check for check in verify_evidence(run_folder).checks if check.name == "documents")
    assert (found.status, found.findings) == (Status.NOT_CHECKED, ("not recorded: compliance/later.json",))


def test_what_is_no_evidence_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(IntegrityError, match="no zip archive"):
        verify_evidence(tmp_path / "text.zip")
    with pytest.raises(ConfigError, match="is no run folder"):
        verify_evidence(tmp_path)
    with pytest.raises(ConfigError, match="there is no"):
        verify_evidence(tmp_path / "nothing")
    pack(tmp_path / "foreign.zip", {"a": b"b"})
    text = failures(verify_evidence(tmp_path / "foreign.zip"))
    assert "so it is no bundle" in text
    assert "there is no audit_log.jsonl" in text


def test_a_shortened_log_contradicts_the_models_that_came_from_it(run_folder: Path, tmp_path: Path) -> None:
    """The chain of a log without its end holds, and the seal of the model says that there was more."""
    log = run_folder / "audit_log.jsonl"
    (run_folder / "audit_log.jsonl.checkpoint").unlink()
    lines = log.read_bytes().splitlines(keepends=True)
    sealed = json.loads((run_folder / "final_model" / "model_integrity.json").read_text())["audit_log"]["size"]
    log.write_bytes(b"".join(lines[: sealed - 1]))
    text = failures(verify_evidence(run_folder))
    assert "log chain" not in text
    assert "log anchors" in text
    assert "contradicts: final_model/model_integrity.json" in text


def test_what_was_kept_elsewhere_is_compared_with_the_log(signed_run: Path, tmp_path: Path) -> None:
    shutil.copy(signed_run / "audit_log.jsonl.checkpoint", tmp_path / "kept")
    anchors = read_anchors(str(tmp_path / "kept"))
    found = verify_evidence(signed_run, Trust(anchors=anchors))
    assert by_name(found)["log anchors"] is Status.PASSED
    run = Path(shutil.copytree(signed_run, tmp_path / "run"))
    lines = (run / "audit_log.jsonl").read_bytes().splitlines(keepends=True)
    (run / "audit_log.jsonl.checkpoint").unlink()
    (run / "audit_log.jsonl").write_bytes(b"".join(lines[:-1]))
    assert "log anchors" in failures(verify_evidence(run, Trust(anchors=anchors)))
    assert "log chain" in failures(verify_evidence(run, Trust(min_size=len(lines))))


def test_the_log_s_own_signature_is_checked_with_its_key(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="needs the extra sign")
    signer = generate_key(tmp_path / "log.pem", "example.org/ci")
    logger = AuditLogger(str(tmp_path / "run"), "fg-1")
    logger.log_event("pipeline.initialized")
    other = generate_key(tmp_path / "other.pem", "example.org/other").public
    text = failures(verify_evidence(tmp_path / "run", Trust(log_keys=(other,))))
    assert "log signature" in text
    assert signer.public != other
    assert by_name(verify_evidence(tmp_path / "run"))["log signature"] is Status.NOT_CHECKED


def test_a_change_in_annex_iv_is_named_by_its_items(whole: Path, tmp_path: Path) -> None:
    members = unpack(whole)
    report = "run/compliance/compliance_report.json"
    changed = restamp({**members, report: members[report].replace(b'"run_id"', b'"run-id"', 1)})
    text = failures(verify_evidence(pack(tmp_path / "other.zip", changed)))
    assert "Annex IV: evidence is absent or not what it was ('compliance/annex_iv_metadata.json', 'item 1c'" in text


def test_what_was_purged_is_named_by_its_event_and_what_just_vanished_fails(run_folder: Path) -> None:
    run_id = verify_evidence(run_folder).run_id
    assert run_id is not None
    purge_run(str(run_folder), run_id, PurgeKind.ARTEFACTS)
    found = verify_evidence(run_folder)
    assert found.valid, failures(found)
    assert "purged: compliance/annex_iv_metadata.json (line " in render_verification(found)
    assert by_name(found)["documents"] is Status.NOT_CHECKED
    purge_run(str(run_folder), run_id, PurgeKind.MODEL)
    found = verify_evidence(run_folder)
    assert found.valid, failures(found)
    assert by_name(found)["model seal"] is Status.NOT_CHECKED
    (run_folder / "resolved_config.yaml").unlink()
    assert "removed: resolved_config.yaml" in failures(verify_evidence(run_folder))


def test_documents_that_outlive_their_purged_model_are_about_no_other(run_folder: Path) -> None:
    run_id = verify_evidence(run_folder).run_id
    assert run_id is not None
    purge_run(str(run_folder), run_id, PurgeKind.MODEL)
    found = verify_evidence(run_folder)
    assert found.valid, failures(found)
    assert by_name(found)["provenance"] is by_name(found)["bill of materials"] is Status.NOT_CHECKED


def test_the_one_file_verifier_knows_of_purges_too(run_folder: Path, tmp_path: Path) -> None:
    run_id = verify_evidence(run_folder).run_id
    assert run_id is not None
    purge_run(str(run_folder), run_id, PurgeKind.ARTEFACTS)
    (tmp_path / "verify.py").write_bytes(render_verifier())
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(run_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "purged: compliance/annex_iv_metadata.json" in done.stdout
    (run_folder / "audit_log.jsonl.checkpoint").unlink(missing_ok=True)
    log = run_folder / "audit_log.jsonl"
    log.write_bytes(b"".join(line for line in log.read_bytes().splitlines(True) if b"data.erasure" not in line))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "removed: compliance/annex_iv_metadata.json" in done.stdout


def causes(found: Verification) -> dict[str, str | None]:
    return {check.name: check.follows for check in found.checks if check.status is Status.FAILED}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_one_changed_byte_of_the_model_is_one_cause(run_folder: Path, key: EcKey) -> None:
    weights = run_folder / "final_model" / "adapter_model.safetensors"
    weights.write_bytes(flip(weights.read_bytes()))
    found = verify_evidence(run_folder, Trust((key.public,)))
    follow = dict.fromkeys(("model signature", "provenance", "bill of materials"), "model files")
    assert causes(found) == {"model files": None, **follow}
    lines = render_verification(found).split("\n")
    assert lines[1].startswith("cause: changed: final_model/adapter_model.safetensors (model files: ")
    assert lines[2].endswith("what follows from it: model signature, provenance, bill of materials")


def test_a_failure_of_its_own_stays_one_beside_a_changed_model(run_folder: Path) -> None:
    weights = run_folder / "final_model" / "adapter_model.safetensors"
    weights.write_bytes(flip(weights.read_bytes()))
    bom = run_folder / "compliance" / "ml_bom.cdx.json"
    bom.write_bytes(
        bom.read_bytes().replace(b'"content":"', b'"content":"00').replace(b'"content": "', b'"content": "00')
    )
    found = causes(verify_evidence(run_folder))
    assert found["bill of materials"] is found["documents"] is found["model files"] is None
    assert found["provenance"] == "model files"


def test_a_changed_seal_is_the_cause_of_what_no_longer_fits(run_folder: Path) -> None:
    (run_folder / "final_model" / "model.sig").unlink()
    edit(run_folder / "final_model" / "model_integrity.json", '"verified_at": "2', '"verified_at": "3')
    follow = dict.fromkeys(("provenance", "bill of materials"), "model seal")
    assert causes(verify_evidence(run_folder)) == {"model seal": None, **follow}


def test_a_changed_line_of_the_log_explains_what_rests_on_it(run_folder: Path) -> None:
    edit(run_folder / "audit_log.jsonl", '"event": "data.prepared"', '"event": "data.Prepared"')
    found = verify_evidence(run_folder, Trust(hmac_secret="a secret of some length"))
    assert causes(found) == {"log chain": None, "log tags": "log chain", "log anchors": "log chain"}
    assert found.state == "unknown"
    assert "there is no log that holds" in found.not_proven[0]


def test_a_changed_document_explains_annex_iv(run_folder: Path) -> None:
    report = run_folder / "compliance" / "test_report.json"
    report.write_bytes(report.read_bytes() + b"\n")
    assert causes(verify_evidence(run_folder)) == {"documents": None, "Annex IV": "documents"}


def test_a_run_folder_whose_log_was_removed_fails(run_folder: Path) -> None:
    (run_folder / "audit_log.jsonl").unlink()
    found = verify_evidence(run_folder)
    assert causes(found) == {"log chain": None, "log anchors": "log chain", "model seal": "log chain"}
    assert "there is no audit_log.jsonl" in render_verification(found).split("\n")[1]
