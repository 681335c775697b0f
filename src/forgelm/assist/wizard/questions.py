"""The schema of the configuration to questions, and a typed line to the value it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import ConfigError
from forgelm.config.schema import build_json_schema
from forgelm.config.source import read_source

_BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)
_YES, _NO = frozenset({"yes", "y", "true"}), frozenset({"no", "n", "false"})
SECTION = "section"


@dataclass(frozen=True)
class Question:
    """One field. ``kinds`` are the types of JSON it takes, or ``section`` for one that has fields of its own."""

    path: str
    about: str
    kinds: frozenset[str]
    choices: tuple[Any, ...]
    bounds: str
    default: Any
    required: bool
    secret: bool = False

    @property
    def is_section(self) -> bool:
        return SECTION in self.kinds

    @property
    def optional(self) -> bool:
        """Whether a section may be left out or switched off with null."""
        return not self.required or "null" in self.kinds


def build_questions() -> dict[str, Question]:
    """Return a question for every field of the configuration by its dotted path, deprecated ones left out."""
    schema = build_json_schema()
    return {question.path: question for question in _walk(schema, schema["$defs"], "")}


def read_answer(question: Question, line: str) -> Any:
    """Return the value that ``line`` means; whether it is allowed is for the configuration to say.

    Raises:
        ConfigError: the line is no value at all.
    """
    text = line.strip()
    if question.is_section or question.kinds - {"null"} == {"boolean"}:
        lowered = text.lower()
        if lowered not in _YES | _NO:
            raise ConfigError(f"yes or no is needed, got {text!r}")
        if question.is_section:
            return {} if lowered in _YES else None
        return lowered in _YES
    if "null" in question.kinds and text == "null":
        return None
    if question.kinds <= {"string", "null"}:
        return text
    if (
        "array" in question.kinds
        and text[:1] not in ("[", "{")
        and not (text in question.choices and "string" in question.kinds)
    ):
        return [_read(part, question.path) for part in text.split(",")]
    return _read(text, question.path)


def _read(text: str, path: str) -> Any:
    source = read_source(text.strip(), path)
    if source.problems:
        raise ConfigError(source.problems[0].message)
    return source.data


def _walk(section: Mapping[str, Any], shelf: Mapping[str, Any], prefix: str) -> Iterator[Question]:
    for name, field in section["properties"].items():
        if field.get("deprecated"):
            continue
        parts = [shelf[part["$ref"].rpartition("/")[2]] if "$ref" in part else part for part in field.get("anyOf", [])]
        if "$ref" in field:
            parts = [shelf[field["$ref"].rpartition("/")[2]]]
        parts = parts or [field]
        inner = next((part for part in parts if "properties" in part), None)
        question = Question(
            path=f"{prefix}{name}",
            about=field.get("description", ""),
            kinds=frozenset(SECTION if part is inner else part.get("type", "any") for part in parts),
            choices=tuple(choice for part in parts for choice in _choices(part)),
            bounds=", ".join(f"{word} {part[key]}" for part in parts for key, word in _BOUNDS if key in part),
            default=field.get("default"),
            required=name in section.get("required", ()),
            secret=field.get("writeOnly", False),
        )
        yield question
        if inner is not None:
            yield from _walk(inner, shelf, f"{question.path}.")


def _choices(part: Mapping[str, Any]) -> tuple[Any, ...]:
    if "const" in part:
        return (part["const"],)
    return (*part.get("enum", ()), *part.get("items", {}).get("enum", ()))
