"""What was found to whether training may begin: critical personal data and credentials say no, unless allowed."""

from __future__ import annotations

from collections.abc import Mapping

from forgelm.audit.findings import Severity
from forgelm.audit.report.parts import Category, GateResult, GateStatus

Found = Mapping[tuple[Category, str, Severity], int]


def decide_gates(found: Found, *, allow_pii: bool, allow_secrets: bool) -> tuple[GateResult, GateResult]:
    """Judge counts by category, kind and severity. Every credential is critical; of personal data some kinds are."""
    pii = {key: count for key, count in found.items() if key[0] == "pii"}
    secrets = {key: count for key, count in found.items() if key[0] == "secret"}
    return (
        _decide_pii(pii, allowed=allow_pii),
        GateResult(
            name="secrets",
            status=_status(bool(secrets), allow_secrets),
            severity="critical" if secrets else None,
            critical_total=sum(secrets.values()),
            critical_types=_kinds(secrets),
            advisory_total=0,
            advisory_types=(),
            allowed=allow_secrets,
        ),
    )


def _decide_pii(found: Found, *, allowed: bool) -> GateResult:
    critical = {key: count for key, count in found.items() if key[2] == "critical"}
    advisory = {key: count for key, count in found.items() if key[2] != "critical"}
    return GateResult(
        name="pii",
        status=_status(bool(critical), allowed),
        severity="critical" if critical else None,
        critical_total=sum(critical.values()),
        critical_types=_kinds(critical),
        advisory_total=sum(advisory.values()),
        advisory_types=_kinds(advisory),
        allowed=allowed,
    )


def _status(is_found: bool, allowed: bool) -> GateStatus:
    if not is_found:
        return "passed"
    return "suppressed" if allowed else "failed"


def _kinds(found: Found) -> tuple[str, ...]:
    return tuple(sorted({kind for _, kind, _ in found}))
