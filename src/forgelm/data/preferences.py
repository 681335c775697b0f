"""Comparisons and verdicts as people store them to normalised rows: pairs, labelled replies, and bare prompts."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from forgelm.data.conversations import read_messages, read_tools
from forgelm.data.problems import RowError, describe, quote

Raw = dict[str, Any]
Columns = Mapping[str, str]

# Columns that the trainer adds itself when it asks a reward function.
RESERVED_COLUMNS = frozenset({"prompt", "completion", "completions", "completion_ids", "prompts"})
_LABELS = {"true": True, "false": False, "1": True, "0": False}


def build_preference(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Make ``{"prompt", "chosen", "rejected"}``, all text or all messages; what both replies begin with is the prompt.

    Raises:
        RowError: the two replies are of different kinds, equal, or leave nothing to compare.
    """
    chosen, rejected = row[columns["chosen"]], row[columns["rejected"]]
    if isinstance(chosen, list) != isinstance(rejected, list):
        raise RowError(f"'chosen' is {describe(chosen)} and 'rejected' {describe(rejected)}; both must be one kind")
    if isinstance(chosen, list):
        value = _compare_messages(row, columns, remarks)
    else:
        value = _compare_texts(row, columns)
        if row.get("system") or read_tools(row.get("tools"), remarks):
            raise RowError("a system or tools column needs a conversation, and plain texts are none")
    if value["chosen"] == value["rejected"]:
        raise RowError("'chosen' and 'rejected' are the same")
    return value


def build_feedback(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Make ``{"prompt", "completion", "label"}``; without a prompt, all but the last turn of the completion is it."""
    label = read_label(row[columns["label"]])
    completion = row[columns["completion"]]
    prompt = row.get("prompt")
    if not isinstance(completion, list) and not isinstance(prompt, list):
        texts = {"prompt": "" if prompt is None else prompt, "completion": completion}
        return {part: _text(value, part) for part, value in texts.items()} | {"label": label}
    replies = _messages(completion, "completion", "assistant", remarks)
    if prompt is None:
        asked, replies = replies[:-1], replies[-1:]
    else:
        asked = _messages(prompt, "prompt", "user", remarks)
        replies = _strip(asked, replies)
    return _with_context({"prompt": asked, "completion": replies}, row, remarks) | {"label": label}


def build_prompt(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Make ``{"prompt", "columns"}``: what to ask, and every other column as it is, for the reward functions."""
    name = columns["prompt"]
    prompt = row[name]
    asked = read_messages(prompt, name, remarks) if isinstance(prompt, list) else _text(prompt, name)
    return _with_columns(asked, row, name, remarks)


def build_question(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Make the same from a question: one user turn, so that the chat template renders it."""
    name = columns["prompt"]
    system = row.get("system")
    opening = [{"role": "system", "content": _text(system, "system")}] if system else []
    asked = [*opening, {"role": "user", "content": _text(row[name], name)}]
    return _with_columns(asked, {key: value for key, value in row.items() if key != "system"}, name, remarks)


def read_label(value: Any) -> bool:
    """Return the verdict that ``value`` spells: true/false, 0/1, or the same as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    known = _LABELS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        shown = quote(value) if isinstance(value, str) else repr(value)
        raise RowError(f"'label' must be true or false (or 1 or 0), found {shown}")
    return known


def unpair(value: Raw) -> tuple[Raw, Raw]:
    """Return a comparison as two verdicts: the chosen reply is good, the rejected one is not."""
    shared = {name: part for name, part in value.items() if name not in ("chosen", "rejected")}
    good = shared | {"completion": value["chosen"], "label": True}
    return good, shared | {"completion": value["rejected"], "label": False}


def _compare_texts(row: Raw, columns: Columns) -> Raw:
    chosen, rejected = [_text(row[columns[part]], part) for part in ("chosen", "rejected")]
    prompt = row.get("prompt")
    if isinstance(prompt, list):
        raise RowError("'prompt' is a list of messages and the replies are text; all must be one kind")
    if prompt is not None:
        return {"prompt": _text(prompt, "prompt"), "chosen": chosen, "rejected": rejected}
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(chosen, rejected, strict=False))
    # Back to the last white space, so that no word is cut in two.
    end = max((place + 1 for place, (char, _) in enumerate(same) if char.isspace()), default=0)
    return {"prompt": chosen[:end], "chosen": chosen[end:], "rejected": rejected[end:]}


def _compare_messages(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    chosen, rejected = (read_messages(row[columns[part]], part, remarks) for part in ("chosen", "rejected"))
    prompt = row.get("prompt")
    if prompt is None or (isinstance(prompt, str) and chosen[0]["role"] != "assistant"):
        shared = 0
        while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
            shared += 1
        asked, chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
        if not asked:
            raise RowError("'chosen' and 'rejected' do not begin with the same message, and there is no prompt")
    else:
        asked = _messages(prompt, "prompt", "user", remarks)
        chosen, rejected = _strip(asked, chosen), _strip(asked, rejected)
    return _with_context({"prompt": asked, "chosen": chosen, "rejected": rejected}, row, remarks)


def _strip(prompt: list[Raw], reply: list[Raw]) -> list[Raw]:
    """Some datasets give the whole conversation as the reply; what was asked is not part of it."""
    return reply[len(prompt) :] if len(reply) > len(prompt) and reply[: len(prompt)] == prompt else reply


def _messages(value: Any, column: str, role: str, remarks: set[str]) -> list[Raw]:
    return [{"role": role, "content": value}] if isinstance(value, str) else read_messages(value, column, remarks)


def _with_context(value: Raw, row: Raw, remarks: set[str]) -> Raw:
    system = row.get("system")
    if isinstance(system, str) and system.strip():
        if value["prompt"] and value["prompt"][0]["role"] == "system":
            raise RowError("has a 'system' column and a system message as well")
        value["prompt"].insert(0, {"role": "system", "content": system})
    tools = read_tools(row.get("tools"), remarks)
    return value | ({"tools": tools} if tools else {})


def _with_columns(prompt: Any, row: Raw, name: str, remarks: set[str]) -> Raw:
    others = {key: value for key, value in row.items() if key != name}
    dropped = sorted(RESERVED_COLUMNS & set(others))
    remarks.update(f"column {key!r} is not given to the rewards: the trainer uses that name itself" for key in dropped)
    return {"prompt": prompt, "columns": {key: value for key, value in others.items() if key not in RESERVED_COLUMNS}}


def _text(value: Any, column: str) -> str:
    if not isinstance(value, str):
        raise RowError(f"'{column}' must be text, found {describe(value)}")
    return value
