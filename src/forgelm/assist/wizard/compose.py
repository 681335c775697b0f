"""Answers to sections, their findings, and the commented YAML file."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forgelm.assist.wizard.questions import Question
from forgelm.assist.wizard.state import Answers, Given
from forgelm.base.errors import ConfigError, Problem
from forgelm.base.files import replacing
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig

# Not a field: the sections that are gone through in full.
MORE = "sections"
# Stand in for what has no default until it is answered.
_NEEDED = (("model", "name_or_path", "builtin/ember"), ("data", "dataset_name_or_path", "train.jsonl"))


def build_sections(answers: Answers) -> dict[str, Any]:
    """Return the sections that the answers make; what keeps its default is left out."""
    sections: dict[str, Any] = copy.deepcopy(dict(answers.base))
    for name in ("model", "lora", "training", "data"):
        sections.setdefault(name, {})
    for name in answers.given.get(MORE, Given()).value or ():
        sections.setdefault(name, {})
    fields = [(path, given) for path, given in answers.given.items() if path != MORE]
    for path, given in sorted(fields, key=lambda item: item[0].count(".")):
        _put(sections, path.split("."), given.value, kept=given.kept)
    return sections


def find_problems(answers: Answers, *, whole: bool) -> tuple[Problem, ...]:
    """Return what the configuration has against the answers; ``whole`` misses those that are still to come."""
    sections = build_sections(answers)
    for section, key, stand_in in () if whole else _NEEDED:
        sections[section].setdefault(key, stand_in)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ForgeConfig(**sections)
    except ConfigError as error:
        return error.problems
    return ()


def write_config(path: Path, answers: Answers, questions: Mapping[str, Question]) -> Path:
    """Write the answers as commented YAML, after the loader has read the same bytes.

    Raises:
        ConfigError: the loader refuses it; ``path`` is as it was.
        StorageError: it could not be written.
    """
    text = "\n".join(["# Written by forgelm wizard.", *_lines(build_sections(answers), questions, "", 0)]) + "\n"
    with replacing(path) as stream:
        stream.write(text.encode("utf-8"))
        stream.flush()
        load_config(stream.name)
    return path


def _put(section: dict[str, Any], keys: list[str], value: Any, *, kept: bool) -> None:
    for key in keys[:-1]:
        if not isinstance(section.get(key), dict):
            if kept:
                return
            section[key] = {}
        section = section[key]
    if kept:
        section.pop(keys[-1], None)
    elif not (value == {} and isinstance(section.get(keys[-1]), dict)):
        section[keys[-1]] = value


def _lines(section: Mapping[str, Any], questions: Mapping[str, Question], prefix: str, depth: int) -> list[str]:
    indent, lines = "  " * depth, []
    for name, value in section.items():
        question = questions.get(f"{prefix}{name}")
        if depth == 0:
            lines.append("")
        if question:
            lines.append(f"{indent}# {question.about}")
        if isinstance(value, dict) and value and question and question.is_section:
            lines += [f"{indent}{name}:", *_lines(value, questions, f"{prefix}{name}.", depth + 1)]
        else:
            # JSON is YAML on one line, whatever stands in the text.
            lines.append(f"{indent}{name}: {json.dumps(value, ensure_ascii=False, default=str)}")
    return lines
