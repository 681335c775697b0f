"""Checks of the log, and of the documents whose digests it records."""

from __future__ import annotations

from collections.abc import Collection

from forgelm.base.errors import ConfigError
from forgelm.base.files import INTEGRITY_FILE
from forgelm.evidence.anchor import Anchor, read_anchors
from forgelm.evidence.approval import ApprovalCheck, read_cases
from forgelm.evidence.approval_check import ANOTHER_LOG, verify_approvals
from forgelm.evidence.bundle.case import CHAIN, LOG, Case, failed, passed, unchecked
from forgelm.evidence.bundle.contents import find_models
from forgelm.evidence.bundle.model_checks import changed_since_sealed
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.chain import VerifyResult
from forgelm.evidence.documents.verify_annex_iv import verify_annex_iv_artifact
from forgelm.evidence.entries import read_roots
from forgelm.evidence.report_signature import REPORT_SIGNATURE

_COMPLIANCE = "compliance/"
_REVIEW = "review/"
_REWRITTEN = "the file was changed after its hash was taken"
_NOT_AS_IT_WAS = "evidence is absent or not what it was"


def check_chain(case: Case) -> Check:
    """Whether every line of the log links to the one before."""
    found = case.chain
    if found is None:
        return failed(CHAIN, f"there is no {LOG}", LOG)
    if not found.valid:
        return failed(CHAIN, str(found.problem), LOG)
    return passed(CHAIN, f"{found.entries_count} lines; head {found.chain_head}")


def check_tags(case: Case) -> Check:
    """Whether every line carries a tag made with the log's secret."""
    name, found = "log tags", case.chain
    if not case.trust.hmac_secret:
        return unchecked(name, "the secret of the log was not given")
    if found is None or not found.valid:
        return _follow_chain(name, found, "carry a tag that matches the secret")
    if not found.hmac_verified:
        return failed(name, "not every line carries a tag that matches the secret", LOG)
    return passed(name, "every line carries a tag that matches the secret")


def check_log_signature(case: Case) -> Check:
    """Whether a trusted key signed the log's records, and how far."""
    name, found = "log signature", case.chain
    if not case.trust.log_keys:
        says = f"it says that {found.signer} signed it" if found and found.signer else "it carries none"
        return unchecked(name, f"no public key of the log was given; {says}")
    if found is None or not found.valid:
        return _follow_chain(name, found, "are signed by the key given")
    if not found.signed:
        return failed(name, "no record of it is signed by the key given", LOG)
    return passed(name, f"signed up to line {found.signed} of {found.entries_count}")


def check_anchors(case: Case) -> Check:
    """Whether the log still begins with the lines that were noted elsewhere, and that its own models note."""
    name, found = "log anchors", case.chain
    noted = [anchor for file in _notes(case) for anchor in _read_notes(case, file)]
    roots = (
        read_roots(case.evidence.root / LOG, {anchor.checkpoint.size for anchor in noted}) if noted and found else {}
    )
    wrong = [anchor for anchor in noted if roots.get(anchor.checkpoint.size) != anchor.checkpoint.root]
    if wrong:
        why = "the log is not the one that the models note: lines are missing or were changed"
        follows = _chain_within(case, min(anchor.checkpoint.size for anchor in wrong))
        return failed(name, why, *(f"contradicts: {anchor.source}" for anchor in wrong), follows=follows)
    own = (
        f"the models note up to line {max(anchor.checkpoint.size for anchor in noted)}"
        if noted
        else "the models note none"
    )
    if not case.trust.anchors:
        return unchecked(name, f"nothing kept elsewhere was given; {own}")
    if found is None or not found.valid:
        return _follow_chain(name, found, "are those that were noted elsewhere")
    if not found.anchored:
        return failed(name, "the log is not the one that was noted elsewhere", LOG)
    return passed(name, f"it begins with the {found.anchored} lines noted elsewhere; {own}")


def check_approvals(case: Case) -> Check:
    """Whether the decisions about held models are about these bytes, these documents, and by who may decide."""
    name = "approvals"
    found = verify_approvals(case.evidence.root / LOG) if case.chain is not None else ()
    if not found:
        return unchecked(name, "no model was held for a person's decision" if case.chain else f"there is no {LOG}")
    problems = [f"{item.run_id}: {problem}" for item in found for problem in item.problems]
    if problems:
        about_log = all(problem.endswith(ANOTHER_LOG) for problem in problems)
        follows = _chain_within(case, _fewest_lines(case)) if about_log else None
        return failed(name, "decisions that do not hold", *problems, follows=follows)
    open_points = [f"{item.run_id}: {point}" for item in found for point in item.not_checked]
    if open_points:
        return Check(name, Status.NOT_CHECKED, "some decisions say too little", tuple(open_points))
    before = "; of the model as it was sealed, not as it is here" if changed_since_sealed(case) else ""
    return passed(name, "; ".join(_say_case(item) for item in found) + before)


def check_annex_iv(case: Case) -> Check:
    """Whether the Annex IV file and every document it points to are what they were; not whether it is complete."""
    name, file = "Annex IV", f"{_COMPLIANCE}annex_iv_metadata.json"
    if file not in case.evidence.files:
        purge = case.facts.purge_of(file) if file in case.facts.documents else None
        why = f"it was purged: {purge}" if purge else "there is no Annex IV file: no system was described"
        return unchecked(name, why)
    try:
        found = verify_annex_iv_artifact(str(case.evidence.root / file))
    except ConfigError as error:
        return failed(name, error.message, file)
    if found.failure == "integrity":
        # The log recorded this file and all it points to: that check names the one that was changed.
        follows = (
            "documents" if file in case.facts.documents and check_documents(case).status is Status.FAILED else None
        )
        changed = found.manifest_hash_expected not in (None, found.manifest_hash_actual)
        wrong = [_REWRITTEN] * changed + [_NOT_AS_IT_WAS] * bool(found.mismatched)
        return failed(name, "; ".join(wrong), file, *(f"item {item}" for item in found.mismatched), follows=follows)
    counts = ", ".join(
        f"{count} {status.replace('_', ' ')}" for status, count in found.coverage.items() if status != "total"
    )
    return passed(name, f"every pointer holds; of {found.coverage.get('total', 0)} items {counts}")


def check_documents(case: Case) -> Check:
    """Whether the documents, those that decisions were made on too, are the bytes that the log recorded."""
    name, files = "documents", case.evidence.files
    recorded = {**case.facts.documents, **case.facts.reviewed}
    if not recorded:
        why = "the log records no documents: the run ended before they were written"
        return unchecked(name, why if case.chain else f"there is no {LOG} that records any")
    wrong = [f"changed: {file}" for file, digest in recorded.items() if file in files and files[file].sha256 != digest]
    missing = {file: case.facts.purge_of(file) for file in recorded if file not in files}
    gone = [f"removed: {file}" for file, purge in missing.items() if purge is None]
    if wrong or gone:
        return failed(name, "not what the log recorded", *wrong, *gone)
    if missing:
        purged = [f"purged: {file} ({purge})" for file, purge in sorted(missing.items())]
        why = (
            f"{len(recorded) - len(missing)} files are what the log recorded; {len(missing)} were purged on the record"
        )
        return Check(name, Status.NOT_CHECKED, why, tuple(purged + _list_unrecorded(case, recorded)))
    if unrecorded := _list_unrecorded(case, recorded):
        why = f"{len(recorded)} files are what the log recorded; about these it says nothing"
        return Check(name, Status.NOT_CHECKED, why, tuple(unrecorded))
    return passed(name, f"{len(recorded)} files are what the log recorded")


def _follow_chain(name: str, found: VerifyResult | None, what: str) -> Check:
    why = f"of a log that does not hold nobody can say that its lines {what}" if found else f"there is no {LOG}"
    return failed(name, why, LOG, follows=CHAIN)


def _chain_within(case: Case, lines: int) -> str | None:
    """Return the name of the log's own check when it fails within the first ``lines`` lines, or with the log gone."""
    if case.chain is None:
        return CHAIN
    bad = case.chain.first_invalid_index
    return CHAIN if bad is not None and bad <= lines + 1 else None


def _fewest_lines(case: Case) -> int:
    """Return how long the log was at the first of its decisions."""
    cases = read_cases(case.evidence.root / LOG).values()
    sizes = (entry.fields.get("log_size") for decided in cases for entry in decided.decisions)
    return min((size for size in sizes if type(size) is int), default=0)


def _list_unrecorded(case: Case, recorded: Collection[str]) -> list[str]:
    known = {*recorded, f"{_COMPLIANCE}{REPORT_SIGNATURE}"}
    found = [file for file in case.evidence.files if file.startswith((_COMPLIANCE, _REVIEW)) and file not in known]
    return [f"not recorded: {file}" for file in sorted(found)]


def _notes(case: Case) -> list[str]:
    """Return the files of the models that may say how far the log went when they were made."""
    models = find_models(case.evidence.files)
    found = [f"{model}/{name}" for model in models for name in (INTEGRITY_FILE, "README.md")]
    return [file for file in found if file in case.evidence.files]


def _read_notes(case: Case, file: str) -> list[Anchor]:
    try:
        return [Anchor(file, anchor.checkpoint) for anchor in read_anchors(str(case.evidence.root / file))]
    except ConfigError:
        return []


def _say_case(item: ApprovalCheck) -> str:
    by = f" by {', '.join(item.approvers)}" if item.approvers else ""
    signed = f" ({item.signed} signed)" if item.signed else ""
    return f"{item.run_id}: {item.status}{by}{signed}"
