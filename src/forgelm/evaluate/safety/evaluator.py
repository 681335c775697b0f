"""The safety evaluation as a run sees it: checked before the model loads, asked twice, measured once."""

from __future__ import annotations

import logging
from pathlib import Path

from forgelm.base.errors import ConfigError, ForgeError
from forgelm.base.network import hub_token
from forgelm.config.root import ForgeConfig
from forgelm.config.safety import SafetyConfig
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.safety.answers import Answers, ask_probes
from forgelm.evaluate.safety.examine import Access, examine
from forgelm.evaluate.safety.guard import plan_guard
from forgelm.evaluate.safety.probes import load_probes
from forgelm.evaluate.safety.rules import find_hopeless
from forgelm.train.tokenised import TokenisedData

logger = logging.getLogger(__name__)


def wants_safety(config: ForgeConfig) -> bool:
    return config.evaluation is not None and config.evaluation.safety is not None and config.evaluation.safety.enabled


def safety_section(config: ForgeConfig) -> SafetyConfig:
    """Return the section, which is there wherever safety is wanted."""
    section = config.evaluation.safety if config.evaluation else None
    if section is None:
        raise ConfigError("the configuration has no section evaluation.safety")
    return section


def guard_access(config: ForgeConfig) -> Access:
    return Access(config.model.offline, hub_token(config.auth.hf_token if config.auth else None))


def check_safety(config: ForgeConfig) -> None:
    """Read the probes and look at every guard's files, its weights excepted; warn of limits that cannot be shown.

    Raises:
        DataError: the probe file cannot be used.
        ConfigError: a guard cannot be found or would not be understood, or over-refusal has no look-alikes to be
            measured on.
    """
    section = safety_section(config)
    probes = load_probes(section.test_prompts)
    harmful = len(probes.harmful)
    benign = len(probes.probes) - harmful
    if section.max_over_refusal is not None and not benign:
        raise ConfigError(
            f"evaluation.safety.max_over_refusal limits refusals of harmless requests, and {section.test_prompts} has "
            "none",
            hint='mark some rows with "benign": true, or remove the limit',
        )
    access = guard_access(config)
    for guard in section.guards:
        plan_guard(guard, offline=access.offline, token=access.token)
    for sentence in find_hopeless(section, harmful=harmful, benign=benign):
        logger.warning("%s", sentence)


def ask_safety(subject: Subject) -> Answers:
    """Return the answers of one model to the probes; what fails is in the answers."""
    section = safety_section(subject.config)
    try:
        probes = load_probes(section.test_prompts)
    except ForgeError as error:
        return Answers(None, problem=error.message)
    return ask_probes(
        subject.model,
        subject.tokenizer,
        probes,
        max_new_tokens=section.max_new_tokens,
        batch_size=section.batch_size,
    )


def measure_safety(
    config: ForgeConfig, data: TokenisedData, tuned: Answers, base: Answers, look: Look = look_at_nothing
) -> tuple[Measurement, ...]:
    """Return the measurements of the tuned model's answers, beside the base model's to the same probes."""
    folder = Path(config.training.output_dir)
    return examine(safety_section(config), tuned, base, guard_access(config), folder, look)


SAFETY = Evaluator("safety", wants_safety, check_safety, ask_safety, measure_safety)
