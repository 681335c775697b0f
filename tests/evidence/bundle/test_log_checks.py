from __future__ import annotations

from pathlib import Path

from evidence_by_hand import evidence

from forgelm.base.files import sha256_bytes
from forgelm.evidence.bundle.case import Case
from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.log_checks import check_chain, check_documents
from forgelm.evidence.bundle.report import Status


def test_without_a_log_nothing_is_proven(tmp_path: Path) -> None:
    check = check_chain(Case(evidence(tmp_path, {}), LogFacts(), None))
    assert (check.status, check.findings) == (Status.FAILED, ("audit_log.jsonl",))


def test_documents_are_compared_with_what_the_log_recorded(tmp_path: Path) -> None:
    found = evidence(tmp_path, {"compliance/a": b"1", "compliance/b": b"2"})
    recorded = {"compliance/a": sha256_bytes(b"1"), "compliance/b": sha256_bytes(b"3"), "compliance/c": "0"}
    check = check_documents(Case(found, LogFacts(documents=recorded), None))
    assert (check.status, check.findings) == (Status.FAILED, ("changed: compliance/b", "removed: compliance/c"))
    assert check_documents(Case(found, LogFacts(), None)).status is Status.NOT_CHECKED


def test_what_a_decision_was_made_on_is_compared_too(tmp_path: Path) -> None:
    found = evidence(tmp_path, {"review/fg-1/a": b"1", "review/fg-1/planted": b"2"})
    case = Case(found, LogFacts(reviewed={"review/fg-1/a": sha256_bytes(b"1")}), None)
    check = check_documents(case)
    assert (check.status, check.findings) == (Status.NOT_CHECKED, ("not recorded: review/fg-1/planted",))
    case = Case(found, LogFacts(reviewed={"review/fg-1/a": sha256_bytes(b"3")}), None)
    assert check_documents(case).findings == ("changed: review/fg-1/a",)
