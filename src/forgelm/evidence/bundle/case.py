"""What a check of a run's evidence looks at and answers with: evidence, the verifier's trust, and three outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from forgelm.evidence.bundle.facts import LogFacts
from forgelm.evidence.bundle.report import Check, Status
from forgelm.evidence.bundle.sources import Evidence
from forgelm.evidence.bundle.trust import Trust
from forgelm.evidence.chain import VerifyResult

LOG = "audit_log.jsonl"
CHAIN = "log chain"


@dataclass(frozen=True)
class Case:
    """Everything a check looks at. ``chain`` is ``None`` when there is no log."""

    evidence: Evidence
    facts: LogFacts
    chain: VerifyResult | None
    trust: Trust = field(default_factory=Trust)


CaseCheck = Callable[[Case], Check]


def passed(name: str, detail: str) -> Check:
    return Check(name, Status.PASSED, detail)


def failed(name: str, detail: str, *findings: str, follows: str | None = None) -> Check:
    return Check(name, Status.FAILED, detail, findings, follows)


def unchecked(name: str, why: str) -> Check:
    return Check(name, Status.NOT_CHECKED, why)
