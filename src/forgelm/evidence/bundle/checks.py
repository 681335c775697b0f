"""The checks of a run's evidence, one function each: from the evidence and what the verifier trusts to a ``Check``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import INTEGRITY_FILE, SIGNATURE_FILE, sha256_bytes
from forgelm.evidence.bundle.contents import LIST_FILE, LIST_SIGNATURE, find_models
from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.bundle.sources import Evidence
from forgelm.evidence.chain import VerifyResult
from forgelm.evidence.dsse import open_bundle
from forgelm.evidence.ec_public import EcPublicKey
from forgelm.evidence.inventory import Manifest, compare, parse_manifest, signs_manifest
from forgelm.evidence.signature import SignedFiles, is_left_out, read_signed_files

LOG = "audit_log.jsonl"
_COMPLIANCE = "compliance/"


@dataclass(frozen=True)
class Trust:
    """What the verifier brings along: public keys of those who sign, and the secret of the log's tags."""

    keys: tuple[EcPublicKey, ...] = ()
    hmac_secret: str | None = None


@dataclass(frozen=True)
class Case:
    """Everything a check looks at. ``chain`` is ``None`` when there is no log."""

    evidence: Evidence
    facts: LogFacts
    chain: VerifyResult | None
    trust: Trust = field(default_factory=Trust)


T = TypeVar("T")
CaseCheck = Callable[[Case], Check]


def check_chain(case: Case) -> Check:
    """Whether every line of the log links to the one before."""
    found = case.chain
    if found is None:
        return _failed("log chain", f"there is no {LOG}", LOG)
    if not found.valid:
        place = f"line {found.first_invalid_index}: " if found.first_invalid_index else ""
        return _failed("log chain", f"{place}{found.reason}", LOG)
    return _passed("log chain", f"{found.entries_count} lines; head {found.chain_head}")


def check_tags(case: Case) -> Check:
    """Whether every line carries a tag made with the log's secret."""
    name, found = "log tags", case.chain
    if not case.trust.hmac_secret:
        return _unchecked(name, "the secret of the log was not given")
    if found is None or not found.hmac_verified:
        return _failed(name, "not every line carries a tag that matches the secret", LOG)
    return _passed(name, "every line carries a tag that matches the secret")


def check_documents(case: Case) -> Check:
    """Whether the documents and the configuration are the bytes that the log recorded."""
    name, recorded, files = "documents", case.facts.documents, case.evidence.files
    if not recorded:
        return _unchecked(name, "the log records no documents: the run ended before they were written")
    wrong = [f"changed: {file}" for file, digest in recorded.items() if file in files and files[file].sha256 != digest]
    gone = [f"removed: {file}" for file in recorded if file not in files]
    if wrong or gone:
        return _failed(name, "not what the log recorded", *wrong, *gone)
    unrecorded = [file for file in files if file.startswith(_COMPLIANCE) and file not in recorded]
    if unrecorded:
        why = f"{len(recorded)} files are what the log recorded; about these it says nothing"
        return Check(name, Status.NOT_CHECKED, why, tuple(f"not recorded: {file}" for file in sorted(unrecorded)))
    return _passed(name, f"{len(recorded)} files are what the log recorded")


def check_seal(case: Case) -> Check:
    """Whether the models' integrity manifests are those that the log recorded."""
    name, seals = "model seal", case.facts.seals
    found = {case.evidence.files[_manifest_of(model)].sha256: model for model in find_models(case.evidence.files)}
    unknown = [
        f"not recorded: {_manifest_of(model)}" for digest, model in found.items() if digest not in dict_of(seals)
    ]
    if unknown:
        return _failed(name, "the log records no such integrity manifest", *unknown)
    if not seals:
        return _unchecked(name, "the run sealed no model: it ended before that")
    line, newest = seals[-1]
    if newest not in found:
        return _failed(
            name, f"the model whose seal is recorded in line {line} is not here", f"removed: {INTEGRITY_FILE}"
        )
    return _passed(name, f"the log records the integrity manifest of {', '.join(sorted(found.values()))}")


def check_model(case: Case) -> Check:
    """Whether every file of every model is what its integrity manifest says."""
    name = "model files"
    models = find_models(case.evidence.files)
    if not models:
        return _unchecked(name, "there is no sealed model")
    findings, matching, absent = list[str](), 0, 0
    for model in models:
        try:
            manifest = _read_manifest(case, model)
        except ConfigError as error:
            return _failed(name, error.message, f"unusable: {_manifest_of(model)}")
        found, left = _compare_model(case, model, manifest)
        findings += found
        absent += left
        matching += len(manifest.artifacts) - left
    if findings:
        return _failed(name, "not what the integrity manifest lists", *findings)
    if absent:
        why = f"{matching} files match; {absent} are not in the bundle: check them with 'forgelm verify-integrity'"
        return _unchecked(name, why)
    return _passed(name, f"{matching} files are what the integrity manifest lists")


def check_signature(case: Case) -> Check:
    """Whether the newest model carries a signature of one of the trusted keys, over its every file."""
    name = "model signature"
    signed = [model for model in find_models(case.evidence.files) if f"{model}/{SIGNATURE_FILE}" in case.evidence.files]
    if not case.trust.keys:
        there = f"{', '.join(signed)} carries one" if signed else "there is none"
        return _unchecked(name, f"no public key was given; {there}")
    if not signed:
        return _failed(name, "a public key was given, and no model carries a signature", f"removed: {SIGNATURE_FILE}")
    findings = [finding for model in signed for finding in _check_signed(case, model)]
    if findings:
        return _failed(name, "the signature does not hold", *findings)
    return _passed(name, f"holds for {', '.join(signed)}")


def check_list_signature(case: Case) -> Check:
    """Whether the bundle's own list of files is signed by one of the trusted keys."""
    name, evidence = "bundle signature", case.evidence
    if evidence.listing is None:
        return _unchecked(name, "this is a run folder, not a bundle")
    if not case.trust.keys:
        return _unchecked(
            name, "no public key was given; the bundle carries " + ("one" if evidence.signature else "none")
        )
    signature = evidence.signature
    if signature is None:
        return _unchecked(name, "the bundle is not signed as a whole")
    try:
        statement = _open_any(case, lambda key: open_bundle(signature, key, LIST_SIGNATURE))
        digests = [subject["digest"]["sha256"] for subject in statement["subject"] if subject["name"] == LIST_FILE]
    except (ConfigError, IntegrityError) as error:
        return _failed(name, error.message, LIST_SIGNATURE)
    except (KeyError, TypeError):
        digests = []
    if digests != [sha256_bytes(evidence.listing)]:
        return _failed(name, f"it signs another {LIST_FILE}", LIST_SIGNATURE)
    return _passed(name, f"{LIST_FILE}, and with it every file of the bundle, is signed by the key given")


CHECKS: tuple[CaseCheck, ...] = (
    check_chain,
    check_tags,
    check_documents,
    check_seal,
    check_model,
    check_signature,
    check_list_signature,
)


def dict_of(seals: list[tuple[int, str]]) -> dict[str, int]:
    return {digest: line for line, digest in seals}


def _open_any(case: Case, open_with: Callable[[EcPublicKey], T]) -> T:
    """Return what the first trusted key opens; the last error when none does."""
    *others, last = case.trust.keys
    for key in others:
        try:
            return open_with(key)
        except IntegrityError:
            continue
    return open_with(last)


def _compare_model(case: Case, model: str, manifest: Manifest) -> tuple[list[str], int]:
    """Return what differs, by file, and how many files only the manifest knows because the bundle leaves them out."""
    begin = f"{model}/"
    own = {INTEGRITY_FILE, SIGNATURE_FILE} if _signature_belongs(case, model) else {INTEGRITY_FILE}
    here = {file.removeprefix(begin): item for file, item in case.evidence.files.items() if file.startswith(begin)}
    left = {file.removeprefix(begin) for file in case.evidence.left_out if file.startswith(begin)} - here.keys()
    matching = {
        file
        for file, item in here.items()
        if file in manifest.artifacts
        and (item.sha256, item.size_bytes) == (manifest.artifacts[file].sha256, manifest.artifacts[file].size_bytes)
    }
    links = frozenset(left & manifest.skipped_links)
    result = compare(manifest, frozenset((here.keys() - own) | (left - links)), links, matching | left)
    findings = [f"{what}: {begin}{file}" for what in ("changed", "removed", "added") for file in getattr(result, what)]
    return findings, len(left & manifest.artifacts.keys())


def _check_signed(case: Case, model: str) -> list[str]:
    file = f"{model}/{SIGNATURE_FILE}"
    data = case.evidence.read(file)
    try:
        listed = _open_any(case, lambda key: read_signed_files(data, key))
    except (ConfigError, IntegrityError) as error:
        return [f"{file}: {error.message}"]
    return _compare_signed(case, model, listed)


def _compare_signed(case: Case, model: str, listed: SignedFiles) -> list[str]:
    begin, files = f"{model}/", case.evidence.files
    known = {file.removeprefix(begin): item.sha256 for file, item in files.items() if file.startswith(begin)}
    try:
        for file, item in _read_manifest(case, model).artifacts.items():
            if f"{begin}{file}" in case.evidence.left_out:
                known.setdefault(file, item.sha256)
    except ConfigError as error:
        return [error.message]
    ignored = (SIGNATURE_FILE, *listed.ignored)
    known = {file: digest for file, digest in known.items() if not is_left_out(file, ignored)}
    differing = sorted(known.keys() ^ listed.digests.keys())
    changed = sorted(file for file in known.keys() & listed.digests.keys() if known[file] != listed.digests[file])
    return [f"{begin}{file}: not what was signed" for file in (*differing, *changed)]


def _signature_belongs(case: Case, model: str) -> bool:
    file = f"{model}/{SIGNATURE_FILE}"
    return file in case.evidence.files and signs_manifest(
        case.evidence.read(file), case.evidence.read(_manifest_of(model))
    )


def _read_manifest(case: Case, model: str) -> Manifest:
    file = _manifest_of(model)
    return parse_manifest(case.evidence.read(file), file)


def _manifest_of(model: str) -> str:
    return f"{model}/{INTEGRITY_FILE}"


def _passed(name: str, detail: str) -> Check:
    return Check(name, Status.PASSED, detail)


def _failed(name: str, detail: str, *findings: str) -> Check:
    return Check(name, Status.FAILED, detail, findings)


def _unchecked(name: str, why: str) -> Check:
    return Check(name, Status.NOT_CHECKED, why)
