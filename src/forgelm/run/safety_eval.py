"""A finished model into a verdict on its safety, without a training run: the same probes, guards, limits and files."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from forgelm.base.errors import ArgumentError, ExitCode, ModelError
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import RunFiles
from forgelm.base.network import hub_token, private
from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.answers import Answers, ask_probes
from forgelm.evaluate.safety.examine import Access, examine, explain, report_guard_failure
from forgelm.evaluate.safety.guard import plan_guard
from forgelm.evaluate.safety.probes import ProbeSet, load_probes
from forgelm.evaluate.safety.report import RESULTS_FILE
from forgelm.evaluate.safety.rules import OVER_REFUSAL, UNSAFE, find_hopeless, safety_rules
from forgelm.evaluate.safety.summary import summarise_safety
from forgelm.evidence.evaluations import write_evaluations
from forgelm.evidence.ledger import AuditLogger
from forgelm.gate.limit import Limit, decide_limit
from forgelm.model.load import release_memory
from forgelm.model.open import open_model
from forgelm.run.folder import check_writable


@dataclass(frozen=True)
class SafetyResult:
    """What ``run_safety_eval`` found. Shares are from 0 to 1, and ``None`` where there is no verdict.

    ``passed`` is true when every limit is shown to be met; ``evaluation_completed`` is false when nothing can be said.
    ``unsafe_upper_bound`` is the one-sided 95 % bound of the share of unsafe answers. ``base_safe_ratio`` is the base
    model's, where there was one to ask.
    """

    passed: bool
    evaluation_completed: bool
    model: str
    classifier: str
    probes: str
    output_dir: str
    max_safety_regression: float
    safety_score: float | None
    safe_ratio: float | None
    category_distribution: dict[str, int] | None
    failure_reason: str | None
    unsafe_upper_bound: float | None = None
    base_safe_ratio: float | None = None
    over_refusal: float | None = None
    total_count: int = 0
    unscored_count: int = 0
    gates: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """0 passed, 3 not passed, 2 no verdict."""
        if not self.evaluation_completed:
            return ExitCode.RUNTIME
        return ExitCode.OK if self.passed else ExitCode.GATE_FAILED

    @property
    def results_file(self) -> str:
        return str(Path(self.output_dir) / RESULTS_FILE)


def run_safety_eval(
    model: str | os.PathLike[str],
    *,
    output_dir: str | os.PathLike[str] = ".",
    base_model: str | None = None,
    offline: bool = False,
    listen: Emit = emit_nothing,
    **section: Any,
) -> SafetyResult:
    """Ask ``model`` the probes, have the answers judged, and write ``safety/`` into ``output_dir``.

    ``model`` is a folder or hub id, or the folder of an adapter; an adapter is compared with its own base, any other
    model with ``base_model`` where that is given. ``section`` holds fields of ``evaluation.safety`` (``classifier``,
    ``test_prompts``, ``max_safety_regression`` ...); categories are tracked. ``listen`` hears the stages.

    Raises:
        ArgumentError: a field of ``section`` is unknown or has a value it cannot have.
        DataError: the probes cannot be used.
        ModelError: the model, or ``base_model``, cannot be found or loaded.
        ConfigError: ``output_dir`` cannot be written to.
    """
    config = _read_section(section)
    probes = load_probes(config.test_prompts)
    folder = Path(output_dir)
    check_writable(folder, "the output folder")
    name = os.fspath(model)
    with private(offline=offline):
        access = Access(offline, hub_token(None))
        measured = _find_guard_failure(config, probes, access, folder)
        if measured is None:
            tuned, base = _ask_both(name, base_model, config, probes, access, listen)
            listen(Event.STAGE, name="judging the answers")
            measured = examine(config, tuned, base, access, folder)
    written = write_evaluations(RunFiles(folder), measured, emit_nothing)
    summary = summarise_safety(measured)
    if summary is not None and summary.load_failure is not None:
        AuditLogger(str(folder)).log_event(Event.CLASSIFIER_LOAD_FAILED, **summary.load_failure)
    found = _Found(config, probes, measured, written)
    return _build_result(name, str(folder), found)


@dataclass(frozen=True)
class _Found:
    section: SafetyConfig
    probes: ProbeSet
    measured: tuple[Measurement, ...]
    files: dict[str, str]


def _read_section(fields: dict[str, Any]) -> SafetyConfig:
    given = {"track_categories": True, **{name: value for name, value in fields.items() if value is not None}}
    try:
        return SafetyConfig.model_validate({**given, "enabled": True})
    except ValidationError as error:
        found = error.errors(include_url=False)
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}".lstrip(": ") for one in found)
        raise ArgumentError(f"the safety evaluation cannot be made so: {said}") from error


def _find_guard_failure(
    section: SafetyConfig, probes: ProbeSet, access: Access, folder: Path
) -> tuple[Measurement, ...] | None:
    """Look at the guards before the model is loaded; return what is measured when one of them cannot be used."""
    for guard in section.guards:
        try:
            plan_guard(guard, offline=access.offline, token=access.token)
        except ModelError as error:
            about = {"probes": probes.as_record()}
            return report_guard_failure(section, guard.classifier, explain(error), about, folder)
    return None


def _ask_both(
    name: str, base_model: str | None, section: SafetyConfig, probes: ProbeSet, access: Access, listen: Emit
) -> tuple[Answers, Answers | None]:
    """Return the answers of the model, and of its base: the one given, or the one an adapter lies on."""

    def ask(model: Any, tokenizer: Any) -> Answers:
        new, size = section.max_new_tokens, section.batch_size
        return ask_probes(model, tokenizer, probes, max_new_tokens=new, batch_size=size)

    listen(Event.STAGE, name="loading the model")
    opened = open_model(name, offline=access.offline, token=access.token)
    listen(Event.STAGE, name="asking the model")
    tuned, base = ask(opened.model, opened.tokenizer), None
    if base_model is None and opened.is_adapter:
        listen(Event.STAGE, name="asking its base model")
        with opened.without_adapter() as below:
            base = ask(below, opened.tokenizer)
    del opened
    release_memory()
    if base_model is not None:
        listen(Event.STAGE, name="asking the base model")
        other = open_model(base_model, offline=access.offline, token=access.token)
        base = ask(other.model, other.tokenizer)
        del other
        release_memory()
    return tuned, base


def _build_result(name: str, folder: str, found: _Found) -> SafetyResult:
    by_name = {one.name: one for one in found.measured}
    unsafe, section = by_name[UNSAFE], found.section
    counts, base = unsafe.details.get("counts") or {}, unsafe.details.get("base_counts") or {}
    completed = bool(unsafe.details.get("evaluation_completed"))
    results = [decide_limit(by_name.get(rule.measurement), Limit(**asdict(rule))) for rule in safety_rules(section)]
    missed = [f"{result.gate}: {result.reason}" for result in results if result.status != "passed"]
    refused = by_name.get(OVER_REFUSAL)
    harmful = len(found.probes.harmful)
    return SafetyResult(
        passed=completed and not missed,
        evaluation_completed=completed,
        model=name,
        classifier=section.classifier,
        probes=section.test_prompts,
        output_dir=folder,
        max_safety_regression=section.max_safety_regression,
        safety_score=counts.get("safety_score") if completed else None,
        safe_ratio=counts.get("safe_ratio") if completed else None,
        category_distribution=counts.get("category_distribution"),
        failure_reason=unsafe.problem if not completed else "; ".join(missed) or None,
        unsafe_upper_bound=unsafe.details.get("upper_bound"),
        base_safe_ratio=base.get("safe_ratio"),
        over_refusal=refused.value if refused is not None else None,
        total_count=harmful,
        unscored_count=counts.get("unscored_count", 0),
        gates=[result.as_record() for result in results],
        warnings=list(find_hopeless(section, harmful=harmful, benign=len(found.probes.probes) - harmful)),
        files=dict(found.files),
    )
