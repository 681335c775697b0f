"""Checks everything in a bundle or a run folder, offline: what passed, what failed, and what was not checked."""

from __future__ import annotations

from pathlib import Path

from forgelm.base.errors import ConfigError
from forgelm.evidence.bundle.case import LOG, Case
from forgelm.evidence.bundle.checks import CHECKS
from forgelm.evidence.bundle.facts import LogFacts, read_facts
from forgelm.evidence.bundle.report import Verification
from forgelm.evidence.bundle.sources import Evidence, open_evidence
from forgelm.evidence.bundle.trust import Trust
from forgelm.evidence.chain import verify_audit_log

_NO_LOG = "That what the log says happened, and nothing else: there is no log that holds."
_ALWAYS_UNPROVEN = (
    "That the declarations in the documents are true: they are copied, not checked.",
    "That any law was complied with.",
)


def verify_evidence(path: str | Path, trust: Trust | None = None) -> Verification:
    """Check the bundle or run folder at ``path`` with what the verifier trusts.

    Raises:
        ConfigError: there is neither a bundle nor a run folder at ``path``.
        IntegrityError: the archive must not be opened: it is none, or leads out of its folder, or hides something.
        OSError: a file cannot be read.
    """
    with open_evidence(Path(path)) as evidence:
        case = _look(evidence, trust or Trust())
        checks = [check(case) for check in CHECKS]
    if evidence.contents is not None:
        checks.insert(0, evidence.contents)
    state = (case.chain.state if case.chain else None) or "unknown"
    later = tuple(case.facts.later_runs)
    return Verification(str(path), case.facts.run_id, state, tuple(checks), _unproven(case), later)


def _look(evidence: Evidence, trust: Trust) -> Case:
    log = evidence.root / LOG
    if LOG not in evidence.files:
        if evidence.contents is None and not any(file.startswith(LOG) for file in evidence.files):
            raise ConfigError(f"{evidence.root} is no run folder: it holds no {LOG}")
        return Case(evidence, LogFacts(), None, trust)
    chain = verify_audit_log(
        str(log),
        hmac_secret=trust.hmac_secret,
        anchors=trust.anchors,
        min_size=trust.min_size,
        keys=trust.log_keys,
    )
    return Case(evidence, read_facts(log), chain, trust)


def _unproven(case: Case) -> tuple[str, ...]:
    held = case.chain if case.chain and case.chain.valid else None
    sentences = [item.text for item in held.unproven] if held else [_NO_LOG]
    if not case.trust.keys:
        sentences.append("Who put the model and the bundle together: no public key was given to check a signature.")
    else:
        sentences.append("Whose the given key is: that depends on where you got it.")
    return (*sentences, *_ALWAYS_UNPROVEN)
