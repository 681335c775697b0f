"""The rewards GRPO learns from: four built in, functions of the user's own, or a model; every answer checked."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, SupportsFloat

from forgelm.base.errors import ConfigError, ForgeError, TrainingError
from forgelm.base.files import sha256_file
from forgelm.config.training import TrainingConfig

# One reward for each completion; None where it does not apply. Called as TRL calls its own, with keywords.
Score = Callable[..., Sequence[float | None]]
_ANSWER = re.compile(r"answer:[ \t]*(\S[^\n]*)", re.IGNORECASE)
_ENDS_WITH_ANSWER = re.compile(r"answer:[ \t]*\S[^\n]*\s*\Z", re.IGNORECASE)
_UNIT = re.compile(r"\s*(?:km/h|m/s|mL|ml|m²|liters|hours|km|cm|kg|m|\$|%)\Z")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?:\D|\Z))")
_FULL_LENGTH = 200
_OURS = (__file__, contextlib.__file__, importlib.__file__)
_CALLED_WITH = "it is called with the keywords prompts, completions and the rows' columns, each a list"
_RETURNS = "return a list with one finite number for each completion, or None where the reward does not apply"


@dataclass(frozen=True)
class Reward:
    """One reward. ``source`` is the digest of the file it comes from, ``None`` for those built in."""

    name: str
    score: Score
    weight: float = 1.0
    source: str | None = None


def choose_rewards(training: TrainingConfig, columns: Sequence[str], model: Score | None = None) -> tuple[Reward, ...]:
    """Return what ``training`` asks for, on rows with ``columns``; ``model`` scores in place of the built-in rewards.

    Raises:
        ConfigError: a reward cannot be found or called, or needs a column the rows do not have.
    """
    if model is not None:
        return (Reward("reward_model", model),)
    names = training.grpo_rewards or ["combined", *(["correctness"] if "gold_answer" in columns else [])]
    weights = training.grpo_reward_weights or [1.0] * len(names)
    if "correctness" in names and "gold_answer" not in columns:
        raise ConfigError(
            "training.grpo_rewards asks for correctness, but the rows have no gold_answer",
            hint="name the column that holds the right answer gold_answer, or write a reward function of your own",
        )
    return tuple(_load(name, weight) for name, weight in zip(names, weights, strict=True))


def score_all(rewards: Sequence[Reward], **given: Any) -> list[float]:
    """Return each completion's weighted sum of rewards, those that do not apply left out.

    Raises:
        TrainingError: a reward failed.
    """
    answers = [(reward.weight, reward.score(**given)) for reward in rewards]
    return [
        sum(weight * (scores[place] or 0.0) for weight, scores in answers) for place in range(len(given["completions"]))
    ]


def check_answers(name: str, score: Score, place: str = "") -> Score:
    """Return ``score`` with every failure, wrong count and number that is none turned into a ``TrainingError``.

    ``place`` is the file and line where ``score`` stands, where that is the user's.
    """
    who = f"the reward {name} ({place})" if place else f"the reward {name}"

    def checked(*, completions: Sequence[Any], **given: Any) -> list[float | None]:
        with _blamed(lambda reason: TrainingError(f"the reward {name} failed: {reason}", hint=_CALLED_WITH)):
            returned = score(completions=completions, **given)
            answers = list(returned) if isinstance(returned, Iterable) else None
        if answers is None:
            raise TrainingError(f"{who} returned {type(returned).__name__}, which is no list", hint=_RETURNS)
        if len(answers) != len(completions):
            many = f"{len(answers)} rewards for {len(completions)} completions"
            raise TrainingError(f"{who} returned {many}", hint=_RETURNS)
        for number, answer in enumerate(answers, start=1):
            if answer is not None and not _is_number(answer):
                wrong = f"{answer!r} for completion {number} of {len(answers)}"
                raise TrainingError(f"{who} returned {wrong}, which is no number", hint=_RETURNS)
        return [None if answer is None else float(answer) for answer in answers]

    # TRL names its metrics by the function's name.
    checked.__name__ = name
    return checked


def reward_format(*, completions: Sequence[Any], **_: Any) -> list[float]:
    """1 where the completion ends with ``Answer: <value>``, else 0."""
    return [float(bool(_ENDS_WITH_ANSWER.search(text_of(completion)))) for completion in completions]


def reward_length(*, completions: Sequence[Any], **_: Any) -> list[float]:
    """The share of 200 characters the completion has, at most 1."""
    return [min(len(text_of(completion)) / _FULL_LENGTH, 1.0) for completion in completions]


def reward_combined(*, completions: Sequence[Any], **_: Any) -> list[float]:
    """0.8 times format and 0.2 times length."""
    both = zip(reward_format(completions=completions), reward_length(completions=completions), strict=True)
    return [0.8 * shape + 0.2 * length for shape, length in both]


def reward_correctness(*, completions: Sequence[Any], gold_answer: Sequence[Any], **_: Any) -> list[float | None]:
    """1 where the last ``Answer:`` has the value of ``gold_answer``, else 0; nothing where the row has none."""
    return [
        None if gold is None or not str(gold).strip() else float(_is_right(text_of(completion), str(gold)))
        for completion, gold in zip(completions, gold_answer, strict=True)
    ]


BUILT_IN: MappingProxyType[str, Score] = MappingProxyType(
    {
        "format": reward_format,
        "length": reward_length,
        "combined": reward_combined,
        "correctness": reward_correctness,
    }
)


def text_of(completion: Any) -> str:
    """Return what a completion says: it is text, or the list of messages that replies to a conversation."""
    if isinstance(completion, str):
        return completion
    return "\n".join(str(message.get("content") or "") for message in completion)


def _load(name: str, weight: float) -> Reward:
    if name in BUILT_IN:
        return Reward(name, check_answers(name, BUILT_IN[name]), weight)
    place, separator, attribute = name.rpartition(":")
    if not separator or not place or not attribute:
        raise ConfigError(
            f"training.grpo_rewards: there is no reward {name!r}",
            hint=f"one of {', '.join(BUILT_IN)}, or a function as module:name or path/file.py:name",
        )
    module = _import_file(Path(place), name) if place.endswith(".py") else _import_module(place, name)
    function = getattr(module, attribute, None)
    if not callable(function):
        functions = [found for found, value in vars(module).items() if callable(value) and not found.startswith("_")]
        raise ConfigError(
            f"training.grpo_rewards: {place} has no function {attribute!r}",
            hint=f"it has {', '.join(functions[:10]) or 'none'}",
        )
    file, code = getattr(module, "__file__", None), getattr(function, "__code__", None)
    line = f"{code.co_filename}:{code.co_firstlineno}" if code else ""
    return Reward(name, check_answers(attribute, function, line), weight, sha256_file(Path(file)) if file else None)


def _import_module(place: str, name: str) -> Any:
    with _blamed(lambda reason: ConfigError(f"training.grpo_rewards: {name} cannot be imported: {reason}")):
        return importlib.import_module(place)


def _import_file(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"forgelm_reward_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"training.grpo_rewards: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    with _blamed(lambda reason: ConfigError(f"training.grpo_rewards: {name} cannot be imported: {reason}")):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _blamed(say: Callable[[str], ForgeError]) -> Iterator[None]:
    """Turn whatever the user's code raises, which may be anything, ``sys.exit()`` included, into an error of ours."""
    try:
        yield
    except (KeyboardInterrupt, ForgeError):
        raise
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [frame for frame in frames if frame.filename not in _OURS and not frame.filename.startswith("<frozen")]
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise say(f"{reason} ({theirs[0].filename}:{theirs[0].lineno})" if theirs else reason) from error


def _is_number(answer: object) -> bool:
    try:
        return isinstance(answer, SupportsFloat) and math.isfinite(float(answer))
    except (TypeError, ValueError, RuntimeError, OverflowError):  # an array of several is none, nor is 10**400
        return False


def _is_right(text: str, gold: str) -> bool:
    found = _ANSWER.findall(text)
    if not found:
        return False
    said, wanted = _normal(found[-1]), _normal(gold)
    try:
        return math.isclose(float(said), float(wanted), rel_tol=1e-6, abs_tol=1e-6)
    except ValueError:
        return said == wanted


def _normal(value: str) -> str:
    value = value.strip().rstrip(".!?").strip().removeprefix("$")
    for _ in range(2):
        value = _UNIT.sub("", value)
    return _GROUPED.sub("", value).strip()
