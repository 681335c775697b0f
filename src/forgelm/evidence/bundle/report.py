"""What a verification found: checks that passed, failed or could not be made, and the text a person reads of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from forgelm.evidence.bundle.facts import LaterRun


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class Check:
    """One check. ``detail`` says what was found or why it could not be made; ``findings`` name files, one each.

    ``follows`` is the failed check that alone explains why this one failed.
    """

    name: str
    status: Status
    detail: str
    findings: tuple[str, ...] = ()
    follows: str | None = None


@dataclass(frozen=True)
class Verification:
    """All checks of one bundle or run folder.

    ``state`` is ``closed`` when the log ends with a closing record, ``unknown`` when there is no log or it does not
    hold, else ``open``: a run was killed or goes on, or something was logged after the last run, and more may have
    happened. ``not_proven`` are sentences about what no check here can show. The checks are about the run ``run_id``;
    ``later_runs`` began after it and wrote no documents.
    """

    path: str
    run_id: str | None
    state: str
    checks: tuple[Check, ...]
    not_proven: tuple[str, ...]
    later_runs: tuple[LaterRun, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether nothing failed. What was not checked is neither valid nor invalid, and is named."""
        return all(check.status is not Status.FAILED for check in self.checks)

    def as_record(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "success": self.valid,
            "valid": self.valid,
            "path": self.path,
            "run_id": self.run_id,
            "later_runs": [asdict(run) for run in self.later_runs],
            "state": self.state,
            "checks": [asdict(check) for check in self.checks],
            "failed": [check.name for check in self.checks if check.status is Status.FAILED],
            "not_checked": [check.name for check in self.checks if check.status is Status.NOT_CHECKED],
            "not_proven": list(self.not_proven),
        }


_MOST_FINDINGS = 50
_WORDS: Mapping[Status, str] = MappingProxyType(
    {Status.PASSED: "passed", Status.FAILED: "FAILED", Status.NOT_CHECKED: "not checked"}
)


def render_verification(found: Verification) -> str:
    """Return the lines a person reads: the answer, each check, and what is not proven."""
    failed = [check for check in found.checks if check.status is Status.FAILED]
    unchecked = sum(check.status is Status.NOT_CHECKED for check in found.checks)
    counts = f"{len(found.checks) - len(failed) - unchecked} passed, {len(failed)} failed, {unchecked} not checked"
    lines = [f"{'OK' if found.valid else 'FAIL'}: {counts}", *_say_causes(failed), f"run: {found.run_id or 'unknown'}"]
    lines += [f"later run: {run.run_id}, {run.ended}: it wrote no documents" for run in found.later_runs]
    lines.append(_say_state(found))
    width = max((len(check.name) for check in found.checks), default=0)
    for check in found.checks:
        follows = f"follows from {check.follows}: " if check.follows else ""
        lines.append(f"  {_WORDS[check.status]:<11}  {check.name:<{width}}  {follows}{check.detail}")
        lines += [f"  {'':<11}  {'':<{width}}    {finding}" for finding in check.findings[:_MOST_FINDINGS]]
        if len(check.findings) > _MOST_FINDINGS:
            lines.append(f"  {'':<11}  {'':<{width}}    and {len(check.findings) - _MOST_FINDINGS} more")
    lines += ["not proven:", *(f"  - {sentence}" for sentence in found.not_proven)]
    return "\n".join(lines)


def _say_causes(failed: Sequence[Check]) -> Iterator[str]:
    """Name what failed by itself, the file first, so that nobody looks for causes where there are only consequences."""
    for check in failed:
        if check.follows is None:
            where, more = check.findings[:1], len(check.findings) - 1
            what = f"{check.name}: {check.detail}"
            yield f"cause: {where[0]}{f' and {more} more' if more else ''} ({what})" if where else f"cause: {what}"
            if following := [other.name for other in failed if other.follows == check.name]:
                yield f"       what follows from it: {', '.join(following)}"


def _say_state(found: Verification) -> str:
    if found.state == "closed":
        return "state: closed"
    if found.state == "unknown":
        return "state: unknown - whether the log was closed cannot be said of a log that does not hold"
    return (
        "state: OPEN - the log does not end with a closing record: a run goes on or was killed, or something such as a "
        "decision came after the last run; more may have happened"
    )
