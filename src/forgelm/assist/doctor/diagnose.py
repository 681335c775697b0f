"""Puts all probes to this machine, one after the other; one that breaks is a finding and stops no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from forgelm.assist.doctor.check import Check, Diagnosis, Status
from forgelm.assist.doctor.hub import check_cache, check_hub
from forgelm.assist.doctor.machine import (
    check_disk,
    check_environment,
    check_install,
    check_numpy_abi,
    check_operator,
    check_python,
    check_torch,
    check_writable,
    installed_version,
)
from forgelm.assist.doctor.packages import check_extras
from forgelm.base.errors import ForgeError
from forgelm.base.network import is_offline

Probe = Callable[[], Check | list[Check]]
# What a probe of a broken installation may raise; interrupting the command is none of it.
_BREAKS = (ArithmeticError, AttributeError, ForgeError, ImportError, LookupError, OSError, RuntimeError)
_BREAKS_TOO = (TypeError, ValueError)


def diagnose(*, offline: bool = False) -> Diagnosis:
    """Return what all probes found. ``offline``, or an environment that says so, looks at the cache, not at the hub."""
    offline = offline or is_offline()
    probes: tuple[tuple[str, Probe], ...] = (
        ("forgelm.install", check_install),
        ("python.version", check_python),
        ("torch.installed", check_torch),
        ("numpy.torch_abi", lambda: check_numpy_abi(installed_version("torch"), installed_version("numpy"))),
        ("extras", check_extras),
        ("hf_hub.offline_cache", check_cache) if offline else ("hf_hub.reachable", check_hub),
        ("disk.workspace", lambda: check_disk(Path.cwd())),
        ("workspace.writable", lambda: check_writable(Path.cwd())),
        ("environment.variables", check_environment),
        ("operator.identity", check_operator),
    )
    return put_probes(probes)


def put_probes(probes: Sequence[tuple[str, Probe]]) -> Diagnosis:
    """Return what ``probes`` found, each named by what it would report when it breaks."""
    return Diagnosis(tuple(check for name, probe in probes for check in _put(name, probe)))


def _put(name: str, probe: Probe) -> list[Check]:
    try:
        found = probe()
    except (*_BREAKS, *_BREAKS_TOO) as error:
        why = f"this could not be looked at: {type(error).__name__}: {error}"
        fix = "make a new environment and install ForgeLM again; what is said here belongs into a report"
        return [Check(name, Status.CRASHED, why, {"error_class": type(error).__name__}, fix)]
    return [found] if isinstance(found, Check) else found
