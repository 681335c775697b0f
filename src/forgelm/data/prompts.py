"""Reads a file of prompts: a line is a JSON object with ``prompt`` or ``text``, a JSON string or plain text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError, Problem
from forgelm.data.problems import RowProblems, quote

_KEYS = ("prompt", "text")


@dataclass(frozen=True)
class EvalPrompt:
    """What a model is asked, and the right answer to it where the file has one. ``line`` counts from 1."""

    text: str
    reference: str | None = None
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class PromptFile:
    """Whose prompts are read and which key of the configuration names the file, for the sentences of an error.

    ``answers`` are the keys of a line that may hold the right answer. A blank one is an error, or no answer where
    ``blank_is_none``.
    """

    whose: str
    key: str
    answers: tuple[str, ...]
    blank_is_none: bool = False


JUDGE = PromptFile("the judge's prompts", "evaluation.llm_judge.eval_dataset", ("reference",))


def read_prompts(path: Path, kind: PromptFile = JUDGE) -> list[EvalPrompt]:
    """Return the prompts of a file.

    Raises:
        DataError: the file is not there, is not UTF-8, has no prompt, or lines that are none; each with its number.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"{kind.whose} cannot be read: {path}: {error.strerror or error}",
            hint=f"{kind.key} names a file with one prompt on each line",
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{kind.whose} are not UTF-8: {path}: {error}") from error
    problems = RowProblems()
    prompts: list[EvalPrompt] = []
    # Not splitlines: a line of JSON may hold U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            prompts.append(replace(_read_line(line.strip(), kind), line=number))
        except ValueError as error:
            problems.add(Problem(str(error), file=str(path), line=number))
    problems.raise_if_any(f"{path}: {problems.count} of its lines are no prompt")
    if not prompts:
        raise DataError(f"{kind.whose}: {path} holds no prompt")
    return prompts


def _read_line(line: str, kind: PromptFile) -> EvalPrompt:
    if line[0] not in '{["':
        return EvalPrompt(line)
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        if line[0] == '"':
            return EvalPrompt(line)
        raise ValueError("not a JSON object") from None
    if isinstance(value, str):
        return EvalPrompt(_check("the line", value))
    if not isinstance(value, dict):
        raise ValueError("a list is no prompt")
    key = next((name for name in _KEYS if name in value), None)
    if key is None:
        raise ValueError(f"neither 'prompt' nor 'text' is there, only {quote(', '.join(map(str, value)))}")
    name = next((name for name in kind.answers if value.get(name) is not None), None)
    blank = kind.blank_is_none and name is not None and not str(value[name]).strip()
    reference = None if name is None or blank else _check(f"'{name}'", value[name])
    return EvalPrompt(_check(f"'{key}'", value[key]), reference)


def _check(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text with something in it")
    return value
