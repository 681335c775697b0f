"""Memorisation in a run: canaries asked of both models, and evaluation texts sought among the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forgelm.base.errors import ConfigError, ForgeError
from forgelm.base.extras import load_extra
from forgelm.config.memorisation import MemorisationConfig
from forgelm.config.root import ForgeConfig
from forgelm.data.canaries import CANARY_SOURCE, build_canaries, build_references
from forgelm.data.rows import text_of
from forgelm.evaluate.benchmark.faults import harness_faults, say_fault
from forgelm.evaluate.benchmark.tasks import load_tasks
from forgelm.evaluate.evaluator import Evaluator, Look, Subject, look_at_nothing
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.memorisation.measure import Compared, measure_canaries, measure_overlap
from forgelm.evaluate.memorisation.probe import Memories, probe_canaries
from forgelm.train.tokenised import TokenisedData


def is_wanted(config: ForgeConfig) -> bool:
    """Whether memorisation is measured."""
    section = config.evaluation.memorisation if config.evaluation else None
    return section is not None and section.enabled


def check(config: ForgeConfig) -> None:
    """Refuse what could not be measured.

    Raises:
        ConfigError: canaries are to be planted where rows hold no replies to learn.
    """
    section, trainer = _section(config), config.training.trainer_type
    if section.canaries and trainer != "sft":
        raise ConfigError(
            f"evaluation.memorisation.canaries: canaries are planted in the rows of sft, not in those of {trainer}",
            hint="set evaluation.memorisation.canaries: 0",
        )


def ask(subject: Subject) -> Memories:
    """Return what one model remembers of the canaries."""
    section, seed = _section(subject.config), subject.config.training.seed
    if not section.canaries:
        return Memories()
    canaries = build_canaries(section.canaries, seed=seed)
    references = build_references(section.references, canaries, seed=seed)
    return probe_canaries(subject.model, subject.data.encoding, canaries, references)


def measure(
    config: ForgeConfig, data: TokenisedData, tuned: Memories, base: Memories, look: Look = look_at_nothing
) -> tuple[Measurement, ...]:
    """Return how much was said again, how exposed the canaries are, and how much evaluation and training share."""
    section = _section(config)
    trained = {example.row.number for example in data.train.examples if example.row.source == CANARY_SOURCE}
    if section.canaries and len(trained) < section.canaries:
        # A canary the model never saw is one it cannot remember, which would look like a model that forgets.
        tuned = Memories(problem=f"{section.canaries - len(trained)} canaries were left out: see model.max_length")
    own = [example.row for example in data.train.examples if example.row.source != CANARY_SOURCE]
    texts = [text_of(row) for row in own]
    compared = [_compare(name, items, texts, section.ngram) for name, items in _sets(config, data)]
    overlap = measure_overlap(compared, [row.where for row in own])
    return (*(measure_canaries(section, tuned, base) if section.canaries else ()), overlap)


def _section(config: ForgeConfig) -> MemorisationConfig:
    section = config.evaluation.memorisation if config.evaluation else None
    if section is None:
        raise ConfigError("evaluation.memorisation is not switched on")
    return section


def _compare(name: str, items: list[tuple[str, str]] | str, training: list[str], ngram: int) -> Compared:
    if isinstance(items, str):
        return Compared(name, problem=items)
    # Looked for with the arrays of the dataset audit, which a command's help must not need.
    overlap = load_extra("forgelm.evaluate.memorisation.overlap", extra="audit")
    found = overlap.find_overlap([text for _, text in items], training, ngram=ngram)
    return Compared(name, tuple(where for where, _ in items), tuple(found))


def _sets(config: ForgeConfig, data: TokenisedData) -> Iterator[tuple[str, list[tuple[str, str]] | str]]:
    """Yield each set's name with the place and text of its items, or with why they cannot be had."""
    if data.validation is not None:
        rows = [example.row for example in data.validation.examples]
        yield "validation", [(row.where, text_of(row)) for row in rows]
    section = config.evaluation.benchmark if config.evaluation else None
    if section is None or not section.enabled:
        return
    try:
        tasks = load_tasks(section.tasks, section.include_path, offline=config.model.offline)
        for name, task in tasks.single.items():
            yield f"benchmark/{name}", list(_questions(task, section.limit))
    except harness_faults() as error:
        yield "benchmark", say_fault(error)
    except ForgeError as error:
        yield "benchmark", error.message


def _questions(task: Any, limit: int | None) -> Iterator[tuple[str, str]]:
    for number, doc in enumerate(task.eval_docs):
        if limit is not None and number >= limit:
            return
        yield f"question {number}", f"{task.doc_to_text(doc)}\n{_answer(task, doc)}"


def _answer(task: Any, doc: Any) -> str:
    """Return what the task wants to hear; of a choice, the choice and not its number."""
    target = task.doc_to_target(doc)
    if isinstance(target, int) and task.config.doc_to_choice is not None:
        choices = task.doc_to_choice(doc)
        return str(choices[target]) if 0 <= target < len(choices) else str(target)
    return str(target)


MEMORISATION = Evaluator("memorisation", is_wanted, check, ask, measure)
