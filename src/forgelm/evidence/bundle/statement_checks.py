"""Checks of what was said about a model: signatures over it, where it comes from, what it consists of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from forgelm.base.errors import ConfigError, IntegrityError
from forgelm.base.files import BOM_FILE, PROVENANCE_FILE, SIGNATURE_FILE, sha256_bytes
from forgelm.evidence.bundle.case import Case, failed, passed, unchecked
from forgelm.evidence.bundle.contents import LIST_FILE, LIST_SIGNATURE, PROVENANCE_SIGNATURE, find_models
from forgelm.evidence.bundle.model_checks import changed_since_sealed, known_files, sealed_forms
from forgelm.evidence.bundle.report import Check
from forgelm.evidence.dsse import open_bundle
from forgelm.evidence.ec_public import EcPublicKey
from forgelm.evidence.hashing import HashedFile, compute_root
from forgelm.evidence.report_signature import REPORT_FILE, REPORT_SIGNATURE, verify_report_signature
from forgelm.evidence.signature import SignedFiles, is_left_out, read_signed_files

T = TypeVar("T")
_COMPLIANCE = "compliance/"


def check_signature(case: Case) -> Check:
    """Whether the newest model carries a signature of one of the trusted keys, over its every file."""
    name = "model signature"
    signed = [model for model in find_models(case.evidence.files) if f"{model}/{SIGNATURE_FILE}" in case.evidence.files]
    if not case.trust.keys:
        there = f"{', '.join(signed)} carries one" if signed else "there is none"
        return unchecked(name, f"no public key was given; {there}")
    if not signed:
        return failed(name, "a public key was given, and no model carries a signature", f"removed: {SIGNATURE_FILE}")
    checked = {model: _check_signed(case, model) for model in signed}
    findings = [finding for found, _ in checked.values() for finding in found]
    if findings and all(of_sealed for found, of_sealed in checked.values() if found):
        why = "it signs the model as it was sealed, not as it is here"
        return failed(name, why, *findings, follows=changed_since_sealed(case))
    if findings:
        return failed(name, "the signature does not hold", *findings)
    return passed(name, f"holds for {', '.join(signed)}")


def check_list_signature(case: Case) -> Check:
    """Whether the bundle's own list of files is signed by one of the trusted keys."""
    name, outer = "bundle signature", case.evidence.outer
    listing, signature = outer.get(LIST_FILE), outer.get(LIST_SIGNATURE)
    if listing is None:
        return unchecked(name, "this is a run folder, not a bundle")
    if not case.trust.keys:
        return unchecked(name, "no public key was given; the bundle carries " + ("one" if signature else "none"))
    if signature is None:
        return unchecked(name, "the bundle is not signed as a whole")
    try:
        statement = _open_any(case, lambda key: open_bundle(signature, key, LIST_SIGNATURE))
        digests = [subject["digest"]["sha256"] for subject in statement["subject"] if subject["name"] == LIST_FILE]
    except (ConfigError, IntegrityError) as error:
        return failed(name, error.message, LIST_SIGNATURE)
    except (KeyError, TypeError):
        digests = []
    if digests != [sha256_bytes(listing)]:
        return failed(name, f"it signs another {LIST_FILE}", LIST_SIGNATURE)
    return passed(name, f"{LIST_FILE}, and with it every file of the bundle, is signed by the key given")


def check_signed_report(case: Case) -> Check:
    """Whether the test report's own signature, where there is one, is of this report and by a trusted key."""
    name, files = "report signature", case.evidence.files
    report, file = f"{_COMPLIANCE}{REPORT_FILE}", f"{_COMPLIANCE}{REPORT_SIGNATURE}"
    if file not in files:
        return unchecked(name, "the test report is not signed")
    if report not in files:
        return failed(name, "the test report that it is of is not here", f"removed: {report}")
    if not case.trust.keys:
        return unchecked(name, "no public key was given; the test report carries one")
    data, digest = case.evidence.read(file), files[report].sha256
    try:
        _open_any(case, lambda key: verify_report_signature(data, digest, key))
    except (ConfigError, IntegrityError) as error:
        return failed(name, error.message, file)
    return passed(name, "the test report is signed by the key given")


def check_provenance(case: Case) -> Check:
    """Whether the provenance statement is of a model that is here, and, with a key, signed by it."""
    name, file = "provenance", f"{_COMPLIANCE}{PROVENANCE_FILE}"
    if file not in case.evidence.files:
        return unchecked(name, "there is no provenance statement")
    signature = case.evidence.outer.get(PROVENANCE_SIGNATURE)
    try:
        data = case.evidence.read(file)
        statement = json.loads(data)
        stated = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
        whole = statement["subject"][0]["name"]
        if signature is not None and case.trust.keys and _open_signed(case, signature) != statement:
            return failed(name, "its signature is of another statement", PROVENANCE_SIGNATURE)
    except (ConfigError, IntegrityError) as error:
        return failed(name, error.message, PROVENANCE_SIGNATURE)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return failed(name, "it is no in-toto statement", file)
    signed = ", signed by the key given" if signature is not None and case.trust.keys else ""

    def is_of(files: list[HashedFile]) -> bool:
        return stated == {whole: compute_root(files), **{f"{whole}/{item.file}": item.sha256 for item in files}}

    return _match_model(case, name, file, is_of, lambda model: f"it is of {model}, file by file{signed}")


def check_bom(case: Case) -> Check:
    """Whether the bill of materials lists the files of a model that is here, with their digests."""
    name, file = "bill of materials", f"{_COMPLIANCE}{BOM_FILE}"
    if file not in case.evidence.files:
        return unchecked(name, "there is no bill of materials")
    try:
        listed = json.loads(case.evidence.read(file))["metadata"]["component"]["components"]
        stated = {item["name"]: item["hashes"][0]["content"] for item in listed}
    except (ConfigError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return failed(name, "it is no CycloneDX document of a model", file)

    def is_of(files: list[HashedFile]) -> bool:
        return stated == {item.file: item.sha256 for item in files}

    return _match_model(case, name, file, is_of, lambda model: f"it lists the {len(stated)} files of {model}")


def _match_model(
    case: Case, name: str, file: str, is_of: Callable[[list[HashedFile]], bool], say: Callable[[str], str]
) -> Check:
    """Find the model that a statement is of: as it is here, which passes, or as it was before somebody changed it."""
    models = find_models(case.evidence.files)
    if here := next((model for model in models if is_of(known_files(case, model))), None):
        return passed(name, say(here))
    if before := next((model for model in models if any(map(is_of, sealed_forms(case, model)))), None):
        why = f"it is of {before} as it was sealed, not as it is here"
        return failed(name, why, file, follows=changed_since_sealed(case))
    if not models and (purge := case.facts.purge_of_model()):
        return unchecked(name, f"the model it is of was purged: {purge}")
    return failed(name, "it is of no model that is here", file)


def _open_any(case: Case, open_with: Callable[[EcPublicKey], T]) -> T:
    """Return what the first trusted key opens; the last error when none does."""
    *others, last = case.trust.keys
    for key in others:
        try:
            return open_with(key)
        except IntegrityError:
            continue
    return open_with(last)


def _check_signed(case: Case, model: str) -> tuple[list[str], bool]:
    """Return what is not as it was signed, and whether the signature is of the model as it was sealed."""
    file = f"{model}/{SIGNATURE_FILE}"
    data = case.evidence.read(file)
    try:
        listed = _open_any(case, lambda key: read_signed_files(data, key))
    except (ConfigError, IntegrityError) as error:
        return [f"{file}: {error.message}"], False
    known = _signable(known_files(case, model), listed)
    differing = sorted(known.keys() ^ listed.digests.keys())
    changed = sorted(file for file in known.keys() & listed.digests.keys() if known[file] != listed.digests[file])
    of_sealed = any(_signable(files, listed) == listed.digests for files in sealed_forms(case, model))
    return [f"{model}/{file}: not what was signed" for file in (*differing, *changed)], of_sealed


def _signable(files: Iterable[HashedFile], listed: SignedFiles) -> dict[str, str]:
    return {item.file: item.sha256 for item in files if not is_left_out(item.file, listed.ignored)}


def _open_signed(case: Case, signature: bytes) -> dict[str, Any]:
    return _open_any(case, lambda key: open_bundle(signature, key, PROVENANCE_SIGNATURE))
