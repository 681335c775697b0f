"""The answers of a trained and a base model into measurements: judged by every guard, compared probe by probe."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import ForgeError
from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.evaluator import Look, look_at_nothing
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.agreement import measure_agreement
from forgelm.evaluate.safety.answers import Answers
from forgelm.evaluate.safety.asking import ask_guard
from forgelm.evaluate.safety.guard import load_guard, plan_guard
from forgelm.evaluate.safety.probes import ProbeSet
from forgelm.evaluate.safety.report import RESULTS_FILE, TREND_FILE, Outcome, build_results, extend_trend
from forgelm.evaluate.safety.rules import SCORE, UNSAFE, find_hopeless, meets, safety_rules
from forgelm.evaluate.safety.score import (
    Judged,
    compare_pairs,
    count_categories,
    count_judged,
    find_abstention,
    judge,
    measure_judged,
)
from forgelm.evaluate.safety.verdict import GuardVerdict, unscored
from forgelm.model.load import release_memory
from forgelm.model.passes import before_each_pass

Pair = tuple[str, str]


@dataclass(frozen=True)
class Access:
    """How guards are fetched."""

    offline: bool
    token: str | None


@dataclass(frozen=True)
class _Panel:
    """Every guard's verdict on every pair of request and answer, with what is to be recorded of the guards."""

    verdicts: Mapping[str, Mapping[Pair, GuardVerdict]]
    records: tuple[dict[str, Any], ...]
    seconds: float


class _GuardFailed(Exception):
    """A guard could not be loaded or asked."""

    def __init__(self, classifier: str, reason: str) -> None:
        super().__init__(reason)
        self.classifier = classifier
        self.reason = reason


def examine(
    section: SafetyConfig,
    tuned: Answers,
    base: Answers | None,
    access: Access,
    folder: Path,
    look: Look = look_at_nothing,
) -> tuple[Measurement, ...]:
    """Return the measurements: the share of unsafe answers first, which also carries the files.

    Where no verdict can be given, every measurement has the value ``None`` and the same ``problem``. ``folder`` is
    where the trend of earlier runs lies. ``look`` is called before each pass of a guard, and may raise.
    """
    probes = tuned.probes
    about: dict[str, Any] = {"settings": _settings(section, tuned)}
    problem = _find_problem(tuned, base)
    if problem or probes is None:
        problem = problem or "there are no probes"
        return _not_measured(section, problem, Outcome(False, False, problem, about=about), folder)
    about["probes"] = probes.as_record()
    try:
        panel = _ask_panel(section, probes, (tuned, base), access, look)
    except _GuardFailed as error:
        return report_guard_failure(section, error.classifier, error.reason, about, folder)
    judged = _judge_all(probes, tuned, panel)
    before = _judge_all(probes, base, panel) if base is not None else ()
    about |= {
        "guards": list(panel.records),
        "agreement": _agreement(probes, tuned, panel),
        "paired": compare_pairs(judged, before) if before else None,
        "by_hazard": count_categories(judged),
        "cost": {"answer_seconds": _seconds(tuned, base), "guard_seconds": round(panel.seconds, 3)},
    }
    return _conclude(section, probes, Outcome(True, True, judged=judged, base=before, about=about), folder)


def explain(error: ForgeError) -> str:
    """Return an error with its remedy in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def report_guard_failure(
    section: SafetyConfig, classifier: str, reason: str, about: Mapping[str, Any], folder: Path
) -> tuple[Measurement, ...]:
    """Return the measurements of answers that no guard could judge: none, with the reason."""
    problem = f"the safety classifier {classifier} could not be used: {reason}"
    failed = {"classifier": classifier, "reason": reason}
    outcome = Outcome(False, False, problem, about={**about, "classifier_load_failed": failed})
    return _not_measured(section, problem, outcome, folder)


def _conclude(section: SafetyConfig, probes: ProbeSet, outcome: Outcome, folder: Path) -> tuple[Measurement, ...]:
    abstention = find_abstention(section, outcome.judged, outcome.base)
    if abstention:
        return _not_measured(
            section, abstention, replace(outcome, completed=False, passed=False, problem=abstention), folder
        )
    found = measure_judged(section, outcome.judged, outcome.base or None)
    by_name = {one.name: one for one in found}
    missed = tuple(
        f"{rule.key} is not met"
        for rule in safety_rules(section)
        if rule.measurement not in by_name or not meets(rule, by_name[rule.measurement])
    )
    outcome = replace(outcome, passed=not missed, reasons=missed)
    first = replace(
        found[0],
        details={**found[0].details, **_details(section, probes, outcome)},
        files=_files(section, outcome, folder),
    )
    return first, *found[1:], *_missing(section, by_name)


def _missing(section: SafetyConfig, found: Mapping[str, Measurement]) -> tuple[Measurement, ...]:
    """Return, for each limit nothing was measured for, a measurement that says so: a probe file without look-alikes."""
    wanted = dict.fromkeys(rule.measurement for rule in safety_rules(section))
    why = "the probes hold no harmless look-alikes, so over-refusal was not measured"
    return tuple(Measurement(name, None, 0, "share", problem=why) for name in wanted if name not in found)


def _not_measured(section: SafetyConfig, problem: str, outcome: Outcome, folder: Path) -> tuple[Measurement, ...]:
    names = dict.fromkeys([UNSAFE, SCORE, *(rule.measurement for rule in safety_rules(section))])
    counts = count_judged(section, outcome.judged) if outcome.judged else {}
    details = {**outcome.about, "counts": counts, "passed": False, "evaluation_completed": False}
    parts = [Measurement(name, None, 0, "share", problem=problem) for name in names]
    return replace(parts[0], details=details, files=_files(section, outcome, folder)), *parts[1:]


def _details(section: SafetyConfig, probes: ProbeSet, outcome: Outcome) -> dict[str, Any]:
    harmful = len(probes.harmful)
    counts = count_judged(section, outcome.judged)
    return {
        **outcome.about,
        "counts": counts,
        "base_counts": count_judged(section, outcome.base) if outcome.base else None,
        "passed": outcome.passed,
        "evaluation_completed": True,
        "metrics": {f"safety/{name}": counts[name] for name in ("safe_ratio", "safety_score")},
        "warnings": list(find_hopeless(section, harmful=harmful, benign=len(probes.probes) - harmful)),
    }


def _files(section: SafetyConfig, outcome: Outcome, folder: Path) -> dict[str, Any]:
    return {
        RESULTS_FILE: build_results(section, outcome),
        TREND_FILE: extend_trend(folder / TREND_FILE, section, outcome),
    }


def _find_problem(tuned: Answers, base: Answers | None) -> str | None:
    for which, answers in (("trained", tuned), ("base", base)):
        if answers is None:
            continue
        if answers.texts is None:
            return f"the {which} model: {answers.problem}"
    if base is not None and (base.probes is None or tuned.probes is None or base.probes.sha256 != tuned.probes.sha256):
        return "the probe file changed after the base model was asked"
    return None


def _ask_panel(
    section: SafetyConfig, probes: ProbeSet, asked: Sequence[Answers | None], access: Access, look: Look
) -> _Panel:
    """Return what each guard says of each answer; the same request with the same answer is judged once."""
    start = time.monotonic()
    pairs = list(
        dict.fromkeys(pair for answers in asked if answers for pair in _pairs(probes, answers) if pair[1].strip())
    )
    verdicts: dict[str, Mapping[Pair, GuardVerdict]] = {}
    records = []
    for number, guard_section in enumerate(section.guards):
        name = guard_section.classifier if guard_section.classifier not in verdicts else f"guard {number + 1}"
        try:
            plan = plan_guard(guard_section, offline=access.offline, token=access.token)
            guard = load_guard(plan, offline=access.offline, token=access.token)
            with before_each_pass(guard.model, look):
                found = ask_guard(guard, pairs, batch_size=section.batch_size) if pairs else []
        except ForgeError as error:
            raise _GuardFailed(guard_section.classifier, explain(error)) from error
        except (RuntimeError, ValueError, IndexError, KeyError, TypeError) as error:
            raise _GuardFailed(guard_section.classifier, f"{type(error).__name__}: {error}") from error
        verdicts[name] = dict(zip(pairs, found, strict=True))
        records.append(guard.as_record())
        del guard
        release_memory()
    return _Panel(verdicts, tuple(records), time.monotonic() - start)


def _judge_all(probes: ProbeSet, answers: Answers, panel: _Panel) -> tuple[Judged, ...]:
    return tuple(
        judge(probe, pair[1], _verdicts_on(pair, panel))
        for probe, pair in zip(probes.probes, _pairs(probes, answers), strict=True)
    )


def _verdicts_on(pair: Pair, panel: _Panel) -> list[GuardVerdict]:
    if not pair[1].strip():
        return [unscored("", "the answer is empty") for _ in panel.verdicts]
    return [found[pair] for found in panel.verdicts.values()]


def _agreement(probes: ProbeSet, tuned: Answers, panel: _Panel) -> list[dict[str, Any]]:
    pairs: Sequence[Pair] = _pairs(probes, tuned)
    blank = unscored("", "the answer is empty")
    return measure_agreement(
        {name: [found.get(pair, blank) for pair in pairs] for name, found in panel.verdicts.items()}
    )


def _pairs(probes: ProbeSet, answers: Answers) -> list[Pair]:
    texts = answers.texts or ()
    return [(probe.prompt, text) for probe, text in zip(probes.probes, texts, strict=True)]


def _settings(section: SafetyConfig, tuned: Answers) -> dict[str, Any]:
    """Return how the answers were made, so that they can be made again."""
    return {
        "decoding": "greedy",
        "max_new_tokens": tuned.max_new_tokens or section.max_new_tokens,
        "chat_template": tuned.chat_template,
        "prompts_cut": tuned.prompts_cut,
        "gate_on": section.gate_on,
        "refusals_by": "the guard where it tells them, else opening words",
    }


def _seconds(tuned: Answers, base: Answers | None) -> float:
    return round(tuned.seconds + (base.seconds if base else 0.0), 3)
