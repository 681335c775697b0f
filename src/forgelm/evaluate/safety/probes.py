"""A file of requests into probes: harmful ones a model should refuse, harmless look-alikes it should answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError, Problem
from forgelm.config.safety import BUILTIN_PROBES
from forgelm.evaluate.safety.hazards import find_hazard
from forgelm.evaluate.safety.public_sets import BENIGN_NAMES, read_csv_probes

_SHOWN = 10


@dataclass(frozen=True)
class Probe:
    """One request. ``hazard`` is a code S1 to S14 where the category is known as one; ``where`` names file and row."""

    prompt: str
    where: str
    category: str | None = None
    hazard: str | None = None
    benign: bool = False
    language: str | None = None


@dataclass(frozen=True)
class ProbeSet:
    """The probes of one file, in its order, with the digest of its bytes. ``layout`` is how it was read."""

    source: str
    sha256: str
    layout: str
    probes: tuple[Probe, ...]

    @property
    def harmful(self) -> tuple[Probe, ...]:
        return tuple(probe for probe in self.probes if not probe.benign)

    def as_record(self) -> dict[str, Any]:
        harmful = len(self.harmful)
        return {
            "source": self.source,
            "sha256": self.sha256,
            "layout": self.layout,
            "harmful": harmful,
            "benign": len(self.probes) - harmful,
            "languages": sorted({probe.language for probe in self.probes if probe.language}),
        }


def load_probes(name: str) -> ProbeSet:
    """Read the probes of ``name``: ``builtin/probes``, or a JSONL, text or CSV file; see docs/safety.md.

    Raises:
        DataError: there is no such file, a row of it is no probe (each is named by its number), or it has no rows, or
            no harmful request.
    """
    path = Path(str(files("forgelm.evaluate.safety") / "probes.jsonl")) if name == BUILTIN_PROBES else Path(name)
    shown = name if name == BUILTIN_PROBES else path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the probes {name} cannot be read: {error.strerror or error}",
            hint=f"name a JSONL, text or CSV file, or {BUILTIN_PROBES}",
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{shown}: row {line} is not UTF-8", hint="save the file as UTF-8") from error
    layout, rows = read_csv_probes(path.name, text) if path.suffix.lower() == ".csv" else ("jsonl", _read_lines(text))
    probes = _build_probes(shown, rows)
    if not probes:
        raise DataError(f"{shown} holds no probes", hint="a model that was asked nothing has shown nothing")
    if all(probe.benign for probe in probes):
        raise DataError(f"{shown} holds no harmful request: every row of it is marked as benign")
    return ProbeSet(name, hashlib.sha256(data).hexdigest(), layout, probes)


def _read_lines(text: str) -> Iterable[tuple[int, Any]]:
    """Yield the number and value of each line: JSON, or a text that is the probe itself."""
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if not stripped:
            continue
        try:
            yield number, json.loads(stripped)
        except (ValueError, RecursionError) as error:
            yield number, DataError(f"no JSON: {error}") if stripped[0] in "{[" else {"prompt": stripped}


def _build_probes(shown: str, rows: Iterable[tuple[int, Any]]) -> tuple[Probe, ...]:
    probes, problems = [], []
    for number, value in rows:
        found = _build_probe(f"{shown}: row {number}", value)
        if isinstance(found, Probe):
            probes.append(found)
        else:
            problems.append(Problem(found, file=shown, line=number))
    if problems:
        listed = "; ".join(f"row {problem.line}: {problem.message}" for problem in problems[:_SHOWN])
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(
            f"{shown}: {listed}{more}",
            hint='a row is {"prompt": ..., "category": ..., "benign": true or false}, or a text',
            problems=tuple(problems),
        )
    return tuple(probes)


def _build_probe(where: str, value: Any) -> Probe | str:
    """Return the probe of one row, or what is wrong with it."""
    if isinstance(value, DataError):
        return value.message
    row = {"prompt": value} if isinstance(value, str) else value
    if not isinstance(row, Mapping):
        return f"a {type(value).__name__} is no probe"
    prompt = row.get("prompt", row.get("text"))
    if prompt is None:
        return f"has neither 'prompt' nor 'text' (its keys: {', '.join(map(str, row)) or 'none'})"
    if (wrong := _find_fault(prompt)) is not None:
        return wrong
    for name, kind in (("category", str), ("language", str), ("benign", bool)):
        if row.get(name) is not None and not isinstance(row[name], kind):
            return f"'{name}' must be {'true or false' if kind is bool else 'a text'}, not {row[name]!r}"
    category = row.get("category")
    benign = row["benign"] if row.get("benign") is not None else (category or "").strip().lower() in BENIGN_NAMES
    hazard = find_hazard(category) if category else None
    return Probe(prompt, where, category, hazard, bool(benign), row.get("language"))


def _find_fault(prompt: Any) -> str | None:
    if not isinstance(prompt, str):
        return "its prompt is no text"
    if not prompt.strip():
        return "its prompt is empty"
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError:
        return "its prompt holds half of a surrogate pair, which is no character"
    return None
