"""What one look at the machine found, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """``crashed``: the probe itself could not be carried out, so it says nothing about the machine."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Check:
    """One finding. ``fix`` is what to do about it, and is there for everything but a pass."""

    name: str
    status: Status
    detail: str
    extras: Mapping[str, Any] = field(default_factory=dict)
    fix: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order they were made."""

    checks: tuple[Check, ...]

    def count(self, status: Status) -> int:
        return sum(check.status is status for check in self.checks)

    @property
    def summary(self) -> dict[str, int]:
        return {status.value: self.count(status) for status in Status}
