"""Checks of the models: their seals against the log, and their files against their seals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from forgelm.base.errors import ConfigError
from forgelm.base.files import INTEGRITY_FILE, MERGE_FILE, SIGNATURE_FILE, sha256_bytes
from forgelm.evidence.bundle.case import CHAIN, LOG, Case, failed, passed, unchecked
from forgelm.evidence.bundle.contents import find_models
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.exported import original_manifest, seal_digest
from forgelm.evidence.hashing import HashedFile
from forgelm.evidence.inventory import Manifest, compare, parse_manifest, signs_manifest


def check_seal(case: Case) -> Check:
    """Whether the models' integrity manifests are those that the log recorded."""
    name, seals = "model seal", case.facts.seals
    found = {seal_digest(case.evidence.read(_manifest_of(model))): model for model in find_models(case.evidence.files)}
    unknown = [
        f"not recorded: {_manifest_of(model)}{_whose(case, model)}"
        for digest, model in found.items()
        if digest not in {seal for _, seal in seals}
    ]
    if unknown:
        if case.chain is None:
            return failed(name, f"there is no {LOG} that records it", *unknown, follows=CHAIN)
        return failed(name, "the log records no such integrity manifest", *unknown)
    if not seals:
        return unchecked(name, "the run sealed no model: it ended before that")
    line, newest = seals[-1]
    if newest not in found and (purge := case.facts.purge_of_model()):
        return unchecked(name, f"the model whose seal is recorded in line {line} was purged: {purge}")
    if newest not in found:
        return failed(
            name, f"the model whose seal is recorded in line {line} is not here", f"removed: {INTEGRITY_FILE}"
        )
    return passed(name, f"the log records the integrity manifest of {', '.join(sorted(found.values()))}")


def check_model(case: Case) -> Check:
    """Whether every file of every model is what its integrity manifest says."""
    name = "model files"
    models = find_models(case.evidence.files)
    if not models:
        return unchecked(name, "there is no sealed model")
    findings, matching, absent = list[str](), 0, 0
    for model in models:
        try:
            manifest = _read_manifest(case, model)
        except ConfigError as error:
            return failed(name, error.message, f"unusable: {_manifest_of(model)}")
        found, left = _compare_model(case, model, manifest)
        findings += found
        absent += left
        matching += len(manifest.artifacts) - left
    if findings:
        return failed(name, "not what the integrity manifest lists", *findings)
    if absent:
        why = f"{matching} files match; {absent} are not in the bundle: check them with 'forgelm verify-integrity'"
        return unchecked(name, why)
    return passed(name, f"{matching} files are what the integrity manifest lists")


def known_files(case: Case, model: str) -> list[HashedFile]:
    """Return every file of a model but its signature: as it is here, or as its manifest says when it was left out."""
    begin, left_out = f"{model}/", case.evidence.left_out
    known = {
        file.removeprefix(begin): HashedFile(file.removeprefix(begin), item.sha256, item.size_bytes)
        for file, item in case.evidence.files.items()
        if file.startswith(begin)
    }
    with contextlib.suppress(ConfigError):
        listed = _read_manifest(case, model).artifacts
        known = {**{file: item for file, item in listed.items() if f"{begin}{file}" in left_out}, **known}
    if INTEGRITY_FILE in known:
        # Statements and signatures are about the manifest as it was sealed.
        sealed = original_manifest(case.evidence.read(_manifest_of(model)))
        known[INTEGRITY_FILE] = HashedFile(INTEGRITY_FILE, sha256_bytes(sealed), len(sealed))
    return [item for file, item in known.items() if file != SIGNATURE_FILE]


def sealed_forms(case: Case, model: str) -> Iterator[list[HashedFile]]:
    """Yield every file of a model but its signature as it was sealed: by its manifest, under each seal it may have had.

    The manifest cannot list itself, and it may be what was changed: then its digest is one that the log recorded.
    """
    with contextlib.suppress(ConfigError):
        manifest = _read_manifest(case, model)
        listed = [item for file, item in manifest.artifacts.items() if file != SIGNATURE_FILE]
        here = seal_digest(case.evidence.read(_manifest_of(model)))
        for seal in dict.fromkeys((here, *(seal for _, seal in case.facts.seals))):
            yield [*listed, HashedFile(INTEGRITY_FILE, seal, 0)]


def changed_since_sealed(case: Case) -> str | None:
    """Return the name of the check that says that a model is not as it was sealed, ``None`` when none does."""
    checks = (check_seal(case), check_model(case))
    return next((check.name for check in checks if check.status is Status.FAILED), None)


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


def _signature_belongs(case: Case, model: str) -> bool:
    file = f"{model}/{SIGNATURE_FILE}"
    return file in case.evidence.files and signs_manifest(
        case.evidence.read(file), case.evidence.read(_manifest_of(model))
    )


def _read_manifest(case: Case, model: str) -> Manifest:
    file = _manifest_of(model)
    return parse_manifest(case.evidence.read(file), file)


def _whose(case: Case, model: str) -> str:
    is_merge = f"{model}/{MERGE_FILE}" in {*case.evidence.files, *case.evidence.left_out}
    return ", of a merged model: it is none of this run's, keep it in a folder of its own" if is_merge else ""


def _manifest_of(model: str) -> str:
    return f"{model}/{INTEGRITY_FILE}"
