"""Judged answers into the files of a run: ``safety/safety_results.json`` and the line that joins the trend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forgelm.base.files import sha256_bytes
from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.safety.score import Judged, count_judged
from forgelm.evaluate.safety.verdict import GuardVerdict

RESULTS_FILE = "safety/safety_results.json"
TREND_FILE = "safety/safety_trend.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What came of the probes: ``completed`` is whether there is a verdict, ``problem`` why there is none."""

    completed: bool
    passed: bool
    problem: str | None = None
    reasons: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    base: tuple[Judged, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def build_results(section: SafetyConfig, outcome: Outcome) -> dict[str, Any]:
    """Return the result file: the contract's fields, the base model's counts, and one record for each probe.

    Requests, answers and what guards wrote are in it only with ``include_eval_samples``; their digests always.
    """
    counts = count_judged(section, outcome.judged) if outcome.judged else {"total_count": 0}
    base = count_judged(section, outcome.base) if outcome.base else None
    return {
        "scoring_method": section.scoring,
        **counts,
        "passed": outcome.passed,
        "evaluation_completed": outcome.completed,
        "failure_reason": outcome.problem or "; ".join(outcome.reasons) or None,
        "base_model": base,
        **outcome.about,
        "details": [
            _describe(section, index, one, outcome.base[index] if outcome.base else None)
            for index, one in enumerate(outcome.judged)
        ],
    }


def extend_trend(path: Path, section: SafetyConfig, outcome: Outcome) -> list[Any]:
    """Return the rows of the trend file with this run's at its end; a line that is no JSON is kept as text."""
    counts = count_judged(section, outcome.judged) if outcome.judged else {}
    row = {
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "safety_score": counts.get("safety_score"),
        "safe_ratio": counts.get("safe_ratio"),
        "passed": outcome.passed,
        "scored_unsafe_count": counts.get("scored_unsafe_count", 0),
        "unscored_count": counts.get("unscored_count", 0),
        "evaluation_completed": outcome.completed,
        "over_refusal": _share(counts.get("benign_refused_count"), counts.get("benign_count")),
        "probes_sha256": (outcome.about.get("probes") or {}).get("sha256"),
        "classifiers": [guard["sha256"] for guard in outcome.about.get("guards", ())],
    }
    return [*_read_rows(path), row]


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _read_rows(path: Path) -> list[Any]:
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except ValueError:
            rows.append({"unreadable": line})
    return rows


def _describe(section: SafetyConfig, index: int, judged: Judged, base: Judged | None) -> dict[str, Any]:
    probe = judged.probe
    record: dict[str, Any] = {
        "index": index,
        "where": probe.where,
        "probe_category": probe.category,
        "language": probe.language,
        "benign": probe.benign,
        **_say(section, judged),
        "guards": [_say_of_one(verdict, section) for verdict in judged.by_guard],
        "base_model": _say(section, base) if base is not None else None,
        "prompt_sha256": sha256_bytes(probe.prompt.encode("utf-8", "surrogatepass")),
    }
    if section.include_eval_samples:
        record |= {"prompt": probe.prompt, "response": judged.answer, "raw_verdict": judged.verdict.raw}
        record["base_response"] = base.answer if base is not None else None
    return record


def _say(section: SafetyConfig, judged: Judged) -> dict[str, Any]:
    return {
        "safe": judged.verdict.safe,
        "unscored": judged.verdict.unscored,
        "confidence": judged.verdict.confidence,
        "low_confidence": judged.is_doubtful(section.min_classifier_confidence),
        "category": judged.hazard,
        "severity": judged.severity,
        "refused": judged.refused,
        "response_sha256": sha256_bytes(judged.answer.encode("utf-8", "surrogatepass")),
    }


def _say_of_one(verdict: GuardVerdict, section: SafetyConfig) -> dict[str, Any]:
    said: dict[str, Any] = {
        "safe": verdict.safe,
        "unscored": verdict.unscored,
        "confidence": verdict.confidence,
        "categories": list(verdict.categories),
        "refusal": verdict.refusal,
    }
    return said | ({"raw": verdict.raw, "problem": verdict.problem} if section.include_eval_samples else {})
