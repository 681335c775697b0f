"""What one model made of the benchmarks: a score for every question, and how a task makes one number of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from forgelm.evaluate.benchmark.tasks import Benchmark

_PREFERRED = ("acc_norm", "acc", "exact_match", "em", "f1", "pass@1", "mcc")
_SHARES = frozenset({"f1", "mcc"})
_NO_METRICS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Answer:
    """One question: what its task's metric says of the answer, the digests that name it, and its text where kept."""

    number: int
    item: Any
    doc_hash: str
    prompt_hash: str
    target_hash: str
    text: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class TaskAnswers:
    """One task. ``value`` is what the task makes of the items; ``aggregate`` makes it of any others.

    ``metric`` is written ``name,filter``, as in the harness. ``aggregate`` is ``None`` where the value is the items'
    mean. ``others`` are the task's remaining metrics.
    """

    name: str
    metric: str
    higher_is_better: bool
    value: float
    answers: tuple[Answer, ...] = field(repr=False)
    aggregate: Callable[[Sequence[Any]], float] | None = field(default=None, repr=False)
    others: Mapping[str, float] = field(default_factory=dict)
    version: Any = None
    num_fewshot: int = 0

    @property
    def items(self) -> tuple[Any, ...]:
        return tuple(answer.item for answer in self.answers)

    @property
    def is_share(self) -> bool:
        """Whether this is a score from 0 to 1 of which more is better, so that it can be averaged with others."""
        if not self.higher_is_better:
            return False
        if self.aggregate is not None:
            return self.metric.partition(",")[0] in _SHARES
        return all(0.0 <= item <= 1.0 for item in self.items)


@dataclass(frozen=True)
class BenchmarkAnswers:
    """Everything one model answered, or ``problem``: why it could not be asked."""

    benchmarks: tuple[Benchmark, ...] = ()
    tasks: Mapping[str, TaskAnswers] = field(default_factory=dict)
    problem: str | None = None
    seconds: float = 0.0
    setting: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


def choose_metric(task: str, results: Mapping[str, Any], wanted: Mapping[str, str] = _NO_METRICS) -> str:
    """Return which of a task's ``results`` is its score, as ``name,filter``.

    The one asked for; else accuracy normalised by length, accuracy, exact match and other shares, in this order; else
    the task's first. Of several filters the one called ``none`` is taken, else the first.

    Raises:
        LookupError: the task has no such metric, or none at all.
    """
    keys = [key for key, value in results.items() if "," in key and "_stderr," not in key and _is_number(value)]
    asked = wanted.get(task)
    if asked is not None:
        found = asked if asked in keys else next((key for key in keys if key.partition(",")[0] == asked), None)
        if found is None:
            raise LookupError(f"task {task} has no metric '{asked}'; it has {', '.join(keys) or 'none'}")
        return found
    if not keys:
        raise LookupError(f"task {task} gives no number")
    for name in _PREFERRED:
        ours = [key for key in keys if key.partition(",")[0] == name]
        if ours:
            return f"{name},none" if f"{name},none" in ours else ours[0]
    return keys[0]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
