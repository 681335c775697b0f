"""What the gates decided: one result with its sentence for each, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

OnInconclusive = Literal["fail", "hold", "pass"]


class GateStatus(StrEnum):
    """How a gate ended. A gate that is on and has nothing to measure is ``NOT_MEASURED``, which fails.

    ``INCONCLUSIVE`` is a value that meets its limit by less than the measurement can tell.
    """

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not_measured"


@dataclass(frozen=True)
class GateResult:
    """One gate's decision and the sentence that explains it. ``source`` is the contract's word for a failure.

    ``bound`` is the end of the confidence interval that was held against ``limit``, where there was one.
    """

    gate: str
    status: GateStatus
    reason: str
    value: float | None = None
    limit: float | None = None
    source: str | None = None
    bound: float | None = None

    def as_record(self) -> dict[str, Any]:
        return {
            "gate": self.gate,
            "status": self.status,
            "reason": self.reason,
            "value": self.value,
            "bound": self.bound,
            "limit": self.limit,
        }


@dataclass(frozen=True)
class Verdict:
    """All gates together: exactly one of ``passed``, ``failed`` and ``undecided``. No gate at all passes."""

    gates: tuple[GateResult, ...]
    on_inconclusive: OnInconclusive = "hold"

    @property
    def failed(self) -> bool:
        return any(gate.status in self._failing for gate in self.gates)

    @property
    def undecided(self) -> bool:
        """No gate failed, and at least one leaves the decision to a person."""
        return not self.failed and self.on_inconclusive == "hold" and bool(self._inconclusive)

    @property
    def passed(self) -> bool:
        return not self.failed and not self.undecided

    @property
    def outcome(self) -> str:
        return "failed" if self.failed else "undecided" if self.undecided else "passed"

    @property
    def failures(self) -> tuple[GateResult, ...]:
        """The gates that failed, or that left the verdict undecided."""
        if self.undecided:
            return self._inconclusive
        return tuple(gate for gate in self.gates if gate.status in self._failing)

    @property
    def reason(self) -> str | None:
        """The sentences of every gate that kept the verdict from passing, or ``None``."""
        return "; ".join(f"{gate.gate}: {gate.reason}" for gate in self.failures) or None

    def as_record(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "outcome": self.outcome,
            "on_inconclusive": self.on_inconclusive,
            "gates": [gate.as_record() for gate in self.gates],
        }

    @property
    def _inconclusive(self) -> tuple[GateResult, ...]:
        return tuple(gate for gate in self.gates if gate.status is GateStatus.INCONCLUSIVE)

    @property
    def _failing(self) -> tuple[GateStatus, ...]:
        fails = (GateStatus.FAILED, GateStatus.NOT_MEASURED)
        return (*fails, GateStatus.INCONCLUSIVE) if self.on_inconclusive == "fail" else fails
