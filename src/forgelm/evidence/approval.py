"""Reads from the audit log who decided what about a held model, and checks every decision against what it was about."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from forgelm.base.errors import ConfigError
from forgelm.base.events import Event
from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.evidence.entries import Entry, read_entries
from forgelm.evidence.identity import is_same_person
from forgelm.evidence.keys import PublicKey, SigningKey, parse_public_key

if TYPE_CHECKING:
    # The verifier in a bundle is made of this module, and needs no more than Python.
    from forgelm.config.approval import ApprovalConfig

_EVENTS = (
    Event.HUMAN_APPROVAL_REQUIRED,
    Event.HUMAN_APPROVAL_ENDORSED,
    Event.HUMAN_APPROVAL_GRANTED,
    Event.HUMAN_APPROVAL_REJECTED,
    Event.HUMAN_APPROVAL_REVOKED,
)
_STATEMENT = "forgelm human decision v1"
_SIGNED = (
    "decision",
    "run_id",
    "approver",
    "role",
    "comment",
    "model_root",
    "evidence_root",
    "log_size",
    "log_root",
    "decided_at",
)
_SSH = "ssh-ed25519"


class Decision(StrEnum):
    """What a person decides about a held model."""

    APPROVE = "approve"
    REJECT = "reject"
    REVOKE = "revoke"


class CaseStatus(StrEnum):
    """Where a held model stands. ``UNKNOWN``: nobody was ever asked about it."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


_ENDS = {
    Event.HUMAN_APPROVAL_GRANTED: CaseStatus.GRANTED,
    Event.HUMAN_APPROVAL_REJECTED: CaseStatus.REJECTED,
}


@dataclass(frozen=True)
class Policy:
    """The rules a decision must satisfy, as the run wrote them into the log."""

    require_distinct_approver: bool = False
    min_approvers: int = 1
    expires_after_days: int = 0
    approvers: tuple[PublicKey, ...] = ()

    @classmethod
    def of(cls, config: ApprovalConfig | None) -> Self:
        """Return the rules of a configuration.

        Raises:
            ConfigError: one of the keys is none.
        """
        return cls.read(config.model_dump(mode="json") if config else {})

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self:
        """Return the rules that ``as_record`` wrote; raises ``ConfigError`` when one of the keys is none."""
        return cls(
            bool(record.get("require_distinct_approver", False)),
            int(record.get("min_approvers", 1)),
            int(record.get("expires_after_days", 0)),
            tuple(read_approver_key(str(text)) for text in record.get("approvers", ())),
        )

    def as_record(self) -> dict[str, Any]:
        return {
            "require_distinct_approver": self.require_distinct_approver,
            "min_approvers": self.min_approvers,
            "expires_after_days": self.expires_after_days,
            "approvers": [key.text for key in self.approvers],
        }


@dataclass(frozen=True)
class Case:
    """Everything the log says about one held model: ``request`` is the run's line, ``decisions`` what people added."""

    request: Entry
    decisions: tuple[Entry, ...] = ()

    @property
    def run_id(self) -> str:
        return self.request.run_id

    @property
    def status(self) -> CaseStatus:
        """The last word counts; a revocation before the model was final only takes the approvals so far back."""
        status = CaseStatus.PENDING
        for entry in self.decisions:
            if entry.event == Event.HUMAN_APPROVAL_REVOKED:
                status = CaseStatus.REVOKED if status is CaseStatus.GRANTED else status
            else:
                status = _ENDS.get(Event(entry.event), status)
        return status

    @property
    def approvals(self) -> tuple[Entry, ...]:
        """The approvals that count: all since the last revocation."""
        counted: list[Entry] = []
        for entry in self.decisions:
            if entry.event in (Event.HUMAN_APPROVAL_ENDORSED, Event.HUMAN_APPROVAL_GRANTED):
                counted.append(entry)
            elif entry.event == Event.HUMAN_APPROVAL_REVOKED:
                counted.clear()
        return tuple(counted)

    @property
    def model_root(self) -> str:
        """SHA-256 of the model's integrity manifest, which pins every byte of it; ``""`` when the log has none."""
        return self.request.text("model_root")

    @property
    def evidence(self) -> Mapping[str, str]:
        """The documents the decision is about: path below the run folder, SHA-256."""
        found = self.request.fields.get("evidence_sha256")
        return found if isinstance(found, dict) else {}

    @property
    def evidence_root(self) -> str:
        return sha256_bytes(canonical_json(self.evidence))

    @property
    def policy(self) -> Policy:
        record = self.request.fields.get("policy")
        return Policy.read(record if isinstance(record, dict) else {})

    @property
    def expires_at(self) -> datetime | None:
        """When the model can no longer be approved; ``None`` is never."""
        days = self.policy.expires_after_days
        return datetime.fromisoformat(self.request.timestamp) + timedelta(days=days) if days else None


@dataclass(frozen=True)
class ApprovalCheck:
    """What ``verify_approvals`` found about one held model. ``not_checked`` names what could not be looked at."""

    run_id: str
    status: CaseStatus
    model_root: str
    approvers: tuple[str, ...]
    signed: int
    problems: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = field(default=())

    @property
    def valid(self) -> bool:
        return not self.problems


def read_cases(log: Path) -> dict[str, Case]:
    """Return every held model the log tells of, by run, oldest request first."""
    requests: dict[str, Entry] = {}
    decisions: dict[str, list[Entry]] = {}
    for entry in read_entries(log, _EVENTS):
        if entry.event == Event.HUMAN_APPROVAL_REQUIRED:
            requests.setdefault(entry.run_id, entry)
        elif entry.run_id in requests:
            decisions.setdefault(entry.run_id, []).append(entry)
    return {run_id: Case(entry, tuple(decisions.get(run_id, ()))) for run_id, entry in requests.items()}


def build_statement(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes a decision's signature is over: its signed fields as canonical JSON."""
    return canonical_json({"statement": _STATEMENT, **{name: fields.get(name) for name in _SIGNED}})


def sign_decision(fields: Mapping[str, Any], key: SigningKey) -> dict[str, str]:
    """Return the two fields that make a decision a signed one: ``key`` and ``signature`` (base64)."""
    return {"key": key.public.text, "signature": base64.b64encode(key.sign(build_statement(fields))).decode()}


def check_signature(fields: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the signature of a decision that carries one, ``None`` when it holds.

    Raises:
        OptionalDependencyError: the extra that checks signatures is not installed.
    """
    try:
        key = parse_public_key(str(fields.get("key")))
        signature = base64.b64decode(str(fields.get("signature")), validate=True)
    except (ValueError, binascii.Error):
        return "carries a signature that cannot be read"
    if not key.verify(signature, build_statement(fields)):
        return f"carries a signature that {key.name} did not make over it"
    return None


def read_approver_key(text: str) -> PublicKey:
    """Return the key that ``text`` is: one of ``forgelm keys``, or a line of OpenSSH's ``id_ed25519.pub``.

    Raises:
        ConfigError: it is neither.
    """
    try:
        return _parse_ssh(text) if text.startswith(_SSH) else parse_public_key(text)
    except ValueError as error:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise ConfigError(
            f"evaluation.approval.approvers: {shown!r} is no Ed25519 public key: {error}",
            hint="write the text of a .pub file of 'forgelm keys', or of an id_ed25519.pub",
        ) from None


def count_people(approvals: Iterable[Entry]) -> int:
    """Return how many different people approved: neither a name nor a key counts twice."""
    names: list[str] = []
    keys: set[str] = set()
    for entry in approvals:
        name, key = entry.text("approver"), entry.text("key")
        if any(is_same_person(name, other) for other in names) or key in keys:
            continue
        names.append(name)
        keys |= {key} - {""}
    return len(names)


def _parse_ssh(text: str) -> PublicKey:
    words = text.split(None, 2)
    try:
        data = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        raise ValueError("the key is not base64") from None
    head = len(_SSH).to_bytes(4, "big") + _SSH.encode() + (32).to_bytes(4, "big")
    if words[0] != _SSH or not data.startswith(head) or len(data) != len(head) + 32:
        raise ValueError("not the form of an OpenSSH key")
    name = "".join(words[2].split()).replace("+", "-") if len(words) == 3 else "ssh-key"
    return PublicKey(name, data[len(head) :])
