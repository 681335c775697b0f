"""Probes of the optional parts: what each extra needs, what of it is installed, and whether the versions fit."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Sequence
from types import MappingProxyType

from forgelm.assist.doctor.check import Check, Status
from forgelm.assist.doctor.machine import installed_version
from forgelm.base.extras import is_installed, load_extra

# Names that users of the existing package look for, and what they are called here.
_OTHER_NAMES = MappingProxyType(
    {
        "qlora": "qlora",
        "unsloth": "unsloth",
        "distributed": "deepspeed",
        "eval": "eval",
        "tracking": "wandb",
        "tracking-mlflow": "mlflow",
        "export": "export",
        "ingestion": "ingest",
        "ingestion-pii-ml": "ner",
        "ingestion-scale": "audit",
    }
)
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;]*)")
_MARKER = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def check_extras(requirements: Sequence[str] | None = None) -> list[Check]:
    """Return a finding per extra. ``requirements`` are the package's own, as its metadata has them."""
    wanted = _read_extras(importlib.metadata.requires("forgelm") or () if requirements is None else requirements)
    checks = [_check_extra(name, name, needs) for name, needs in wanted.items()]
    others = {old: new for old, new in _OTHER_NAMES.items() if old not in wanted}
    return checks + [
        _check_extra(old, new, wanted[new]) if new in wanted else _not_here(old) for old, new in others.items()
    ]


def _read_extras(requirements: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Return what each extra of a user's needs: names of distributions and the versions allowed."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in requirements:
        marker, need = _MARKER.search(line), _REQUIREMENT.match(line)
        if marker and need and marker[1] != "dev":
            found.setdefault(marker[1], []).append((need[1], need[2].strip()))
    return found


def _check_extra(name: str, installed_as: str, needs: Sequence[tuple[str, str]]) -> Check:
    versions = {package: installed_version(package) for package, _ in needs}
    missing = [package for package, version in versions.items() if version is None]
    wrong = [
        f"{package} {version} (needs {allowed})"
        for package, allowed in needs
        if (version := versions[package]) is not None and not _allows(allowed, version)
    ]
    about = {"extra": installed_as, "module": needs[0][0], "installed": not missing, "packages": versions}
    fix = f"pip install 'forgelm[{installed_as}]'"
    if missing:
        return Check(f"extras.{name}", Status.WARN, f"not installed: {', '.join(missing)}", about, fix)
    if wrong:
        return Check(f"extras.{name}", Status.WARN, f"not the versions that were tried: {', '.join(wrong)}", about, fix)
    said = ", ".join(f"{package} {version}" for package, version in versions.items())
    return Check(f"extras.{name}", Status.PASS, said, about)


def _allows(allowed: str, version: str) -> bool:
    """Tell whether a version is within the bounds; without the package that knows how to compare, all are."""
    if not allowed or not is_installed("packaging"):
        return True
    specifiers = load_extra("packaging.specifiers", extra="train")
    return bool(specifiers.SpecifierSet(allowed).contains(version, prereleases=True))


def _not_here(name: str) -> Check:
    about = {"extra": name, "module": None, "installed": False}
    fix = "nothing to install: no configuration of this version uses it"
    return Check(f"extras.{name}", Status.WARN, "not a part of this version of ForgeLM", about, fix)
