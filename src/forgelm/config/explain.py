"""Turns pydantic's errors into findings a user can act on: what is wrong, what is allowed, what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from forgelm.base.errors import ConfigError, Problem
from forgelm.base.redact import redact_text
from forgelm.config.nearest import nearest_key, nearest_word

Loc = tuple[str | int, ...]

_MAX_SHOWN = 60
_QUOTED = re.compile(r"'([^']*)'")
_SECRET_SECTIONS = ("auth",)
_MISSING_SECTION = MappingProxyType(
    {
        "lora": "write 'lora: {}' for an adapter with the defaults, or 'lora: null' to train all weights",
        "training": "write 'training: {}' for the defaults",
        "model": "write the section with at least name_or_path",
        "data": "write the section with at least dataset_name_or_path",
    }
)
_BOUNDS = MappingProxyType(
    {
        "greater_than": ("above", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("below", "lt"),
        "less_than_equal": ("at most", "le"),
    }
)
_NEEDED = MappingProxyType(
    {
        "string_type": "text",
        "int_type": "a whole number",
        "int_parsing": "a whole number",
        "int_parsing_size": "a smaller whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "number_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "bool_parsing": "true or false",
        "list_type": "a list",
        "dict_type": "a mapping of keys to values",
        "model_type": "a mapping of keys to values",
        "model_attributes_type": "a mapping of keys to values",
    }
)


@dataclass(frozen=True)
class Finding(Problem):
    """A problem that knows the keys leading to it; ``at_key`` says that the key itself is what is wrong."""

    loc: Loc = ()
    at_key: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path or redact_text(dotted(self.loc)))


def explain(error: ValidationError, root: type[BaseModel], prefix: Loc = ()) -> tuple[Finding, ...]:
    """Return one finding per error; ``prefix`` leads from ``root`` to the section that was validated."""
    return tuple(_explain_one(details, root, prefix) for details in error.errors(include_url=False))


def summarise(problems: Sequence[Problem], what: str = "the configuration") -> ConfigError:
    """Return the one error that lists every problem, a line each."""
    if len(problems) == 1:
        return ConfigError(str(problems[0]), problems=tuple(problems))
    lines = "".join(f"\n  {problem}" for problem in problems)
    return ConfigError(f"{what} has {len(problems)} problems:{lines}", problems=tuple(problems))


def dotted(loc: Sequence[str | int]) -> str:
    """Return keys and list positions as one path: ``data.mix_ratio[1]``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _explain_one(details: ErrorDetails, root: type[BaseModel], prefix: Loc) -> Finding:
    loc, kind = (*prefix, *details["loc"]), details["type"]
    if kind == "extra_forbidden":
        return _explain_unknown(loc, root)
    if loc[-1] == "[key]":
        return _explain_choice(loc[:-1], details, at_key=True)
    return _EXPLAINERS.get(kind, _explain_other)(loc, details)


def _explain_unknown(loc: Loc, root: type[BaseModel]) -> Finding:
    """Return the finding about a key that ``root`` doesn't have: misspelt, misplaced, or unknown."""
    key, section_path = str(loc[-1]), dotted(loc[:-1])
    if "." in key:
        section, _, name = key.rpartition(".")
        return Finding("unknown key", loc=loc, at_key=True, hint=f"write '{name}' under '{section}:'")
    meant = nearest_key(root, section_path, key)
    hint = f"did you mean '{meant}'?" if meant else None
    return Finding("unknown key", loc=loc, at_key=True, hint=hint)


def _explain_missing(loc: Loc, details: ErrorDetails) -> Finding:
    if len(loc) == 1:
        hint = _MISSING_SECTION.get(str(loc[0]))
        return Finding("this section is missing", loc=loc, hint=hint)
    return Finding("this key is missing", loc=loc)


def _explain_choice(loc: Loc, details: ErrorDetails, *, at_key: bool = False) -> Finding:
    value, allowed = details["input"], _allowed(details)
    meant = nearest_word(value, allowed) if isinstance(value, str) else None
    hint = f"did you mean '{meant}'? " if meant else ""
    hint += f"allowed: {', '.join(allowed)}"
    what = "not an allowed key" if at_key else f"not an allowed value{_got(loc, value)}"
    return Finding(what, loc=loc, at_key=at_key, hint=hint)


def _allowed(details: ErrorDetails) -> tuple[str, ...]:
    return tuple(_QUOTED.findall(details["ctx"]["expected"]))


def _explain_type(loc: Loc, details: ErrorDetails) -> Finding:
    kind, value = details["type"], details["input"]
    hint = None
    if kind == "string_type" and isinstance(value, bool):
        hint = "YAML reads yes, no, on and off as true and false: put the word in quotes"
    elif kind == "string_type" and isinstance(value, (int, float)):
        hint = "YAML reads this as a number: put it in quotes"
    elif value is None and len(loc) == 1:
        hint = _MISSING_SECTION.get(str(loc[0]))
    elif value is None:
        hint = "leave the key out to use its default"
    return Finding(f"{_NEEDED[kind]} is needed{_got(loc, value)}", loc=loc, hint=hint)


def _explain_bound(loc: Loc, details: ErrorDetails) -> Finding:
    word, name = _BOUNDS[details["type"]]
    bound = details["ctx"][name]
    shown = f"{bound:g}" if isinstance(bound, float) else bound
    return Finding(f"must be {word} {shown}{_got(loc, details['input'])}", loc=loc)


def _explain_rule(loc: Loc, details: ErrorDetails) -> Finding:
    context = details["ctx"]
    return Finding(context["text"], loc=(*loc, context["field"]), hint=context.get("hint"))


def _explain_refusal(loc: Loc, details: ErrorDetails) -> Finding:
    value = details["input"]
    got = "" if isinstance(value, (Mapping, list, tuple)) else _got(loc, value)
    return Finding(f"{details['ctx']['error']}{got}", loc=loc)


def _explain_other(loc: Loc, details: ErrorDetails) -> Finding:
    return Finding(details["msg"], loc=loc)


def _got(loc: Loc, value: Any) -> str:
    """Say what stood there, unless it could be a secret."""
    if loc[0] in _SECRET_SECTIONS:
        return ""
    if value is None or isinstance(value, bool):
        return f", got {str(value).lower() if value is not None else 'nothing'}"
    if isinstance(value, (int, float)):
        return f", got {value}"
    if isinstance(value, str):
        text = redact_text(value)
        return f", got '{text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '…'}'"
    return (
        ", got a mapping" if isinstance(value, Mapping) else ", got a list" if isinstance(value, (list, tuple)) else ""
    )


_EXPLAINERS: Mapping[str, Callable[[Loc, ErrorDetails], Finding]] = MappingProxyType(
    {
        "missing": _explain_missing,
        "literal_error": _explain_choice,
        "enum": _explain_choice,
        "rule": _explain_rule,
        "value_error": _explain_refusal,
        **dict.fromkeys(_BOUNDS, _explain_bound),
        **dict.fromkeys(_NEEDED, _explain_type),
    }
)
