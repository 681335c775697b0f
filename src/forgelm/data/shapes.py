"""The shapes rows come in, as one table: the columns that tell each apart and how it becomes a normalised row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forgelm.data.conversations import parse_list, read_messages, read_tools
from forgelm.data.preferences import build_feedback, build_preference, build_prompt, build_question
from forgelm.data.problems import RowError, describe
from forgelm.data.rows import RowFormat

Raw = dict[str, Any]
Columns = Mapping[str, str]


@dataclass(frozen=True)
class Shape:
    """One shape. ``needs`` gives each required part its accepted column names, ``takes`` the optional columns.

    ``build(row, columns, remarks)`` makes the normalised value; ``columns`` says which column holds which part.
    ``trainers`` can train on it; rows of a shape that belongs to others are refused by name. ``when`` looks at values
    where the columns alone do not decide. ``keeps_others`` is true where every other column is kept too.
    """

    label: str
    needs: tuple[tuple[str, tuple[str, ...]], ...]
    config_names: tuple[str, ...]
    format: RowFormat
    build: Callable[[Raw, Columns, set[str]], Raw]
    takes: tuple[str, ...] = ()
    when: Callable[[Raw], bool] | None = None
    trainers: tuple[str, ...] = ("sft",)
    keeps_others: bool = False

    @property
    def needed(self) -> str:
        """The required columns by their usual names, in words."""
        return " and ".join(names[0] for _, names in self.needs)

    def parts(self) -> frozenset[str]:
        """Every column name of ours that this shape reads."""
        return frozenset(self.takes) | {name for _, names in self.needs for name in names}


def build_conversation(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    messages = read_messages(row[columns["messages"]], columns["messages"], remarks)
    system = _optional_text(row, "system")
    if system and messages[0]["role"] == "system":
        raise RowError("has a 'system' column and a system message as well")
    opening = [{"role": "system", "content": system}] if system else []
    return _with_tools({"messages": [*opening, *messages]}, row, remarks)


def build_pair(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Keep a prompt and its completion as they are: two texts, joined by nothing, or two lists of messages."""
    prompt, completion = row[columns["prompt"]], row[columns["completion"]]
    if isinstance(prompt, list) or isinstance(completion, list):
        value = {part: read_messages(row[columns[part]], columns[part], remarks) for part in ("prompt", "completion")}
        system = _optional_text(row, "system")
        if system and value["prompt"][0]["role"] == "system":
            raise RowError("has a 'system' column and a system message as well")
        if system:
            value["prompt"].insert(0, {"role": "system", "content": system})
        return _with_tools(value, row, remarks)
    if _optional_text(row, "system") or read_tools(row.get("tools"), remarks):
        raise RowError(
            "a system or tools column needs a conversation, and a plain prompt is not one; "
            "map data.columns: {instruction: prompt, output: completion}"
        )
    return {part: _text(row, columns[part]) for part in ("prompt", "completion")}


def build_turns(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    """Make one user turn and one assistant turn, so that the model's own chat template renders them."""
    system, extra = _optional_text(row, "system") or _optional_text(row, "System"), _optional_text(row, "input")
    question = _text(row, columns["user"])
    opening = [{"role": "system", "content": system}] if system else []
    history = [message for pair in _history(row) for message in pair]
    user = {"role": "user", "content": f"{question}\n\n{extra}" if extra else question}
    reply = {"role": "assistant", "content": _text(row, columns["assistant"])}
    return _with_tools({"prompt": [*opening, *history, user], "completion": [reply]}, row, remarks)


def build_text(row: Raw, columns: Columns, remarks: set[str]) -> Raw:
    return {"text": _text(row, columns["text"])}


def _with_tools(value: Raw, row: Raw, remarks: set[str]) -> Raw:
    tools = read_tools(row.get("tools"), remarks)
    return value | ({"tools": tools} if tools else {})


def _text(row: Raw, column: str) -> str:
    value = row[column]
    if not isinstance(value, str):
        raise RowError(f"'{column}' must be text, found {describe(value)}")
    return value


def _optional_text(row: Raw, column: str) -> str:
    text = _text(row, column) if row.get(column) is not None else ""
    return text if text.strip() else ""


def _history(row: Raw) -> list[list[Raw]]:
    """Return the earlier turns that some Alpaca files keep as ``[[user, assistant], ...]``."""
    if not row.get("history"):
        return []
    pairs = parse_list(row["history"], "history")
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise RowError("'history' must be a list of pairs, the user's text and the reply to it")
    if any(not isinstance(text, str) for pair in pairs for text in pair):
        raise RowError("'history' must hold text only")
    return [[{"role": "user", "content": asked}, {"role": "assistant", "content": said}] for asked, said in pairs]


def _is_sharegpt(row: Raw) -> bool:
    messages = row.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and "from" in first and "role" not in first


def _is_verdict(row: Raw) -> bool:
    label = row.get("label")
    return isinstance(label, bool) or label in (0, 1) or str(label).strip().lower() in ("true", "false", "0", "1")


def _is_list_pair(row: Raw) -> bool:
    return any(isinstance(row.get(name), list) for name in ("prompt", "completion", "response"))


_CONVERSATION = ("messages", "sharegpt")
_REPLY = ("output", "response", "completion", "Assistant", "assistant")

SHAPES = (
    Shape(
        "preference",
        (("chosen", ("chosen",)), ("rejected", ("rejected",))),
        takes=("prompt", "system", "tools"),
        config_names=("preference",),
        format=RowFormat.PREFERENCE,
        build=build_preference,
        trainers=("dpo", "simpo", "orpo", "kto"),
    ),
    Shape(
        "binary feedback",
        (("completion", ("completion",)), ("label", ("label",))),
        takes=("prompt", "system", "tools"),
        config_names=("unpaired_preference",),
        format=RowFormat.UNPAIRED_PREFERENCE,
        build=build_feedback,
        when=_is_verdict,
        trainers=("kto",),
    ),
    Shape(
        "sharegpt",
        (("messages", ("messages",)),),
        takes=("system", "tools"),
        config_names=_CONVERSATION,
        format=RowFormat.MESSAGES,
        build=build_conversation,
        when=_is_sharegpt,
    ),
    Shape(
        "messages",
        (("messages", ("messages",)),),
        takes=("system", "tools"),
        config_names=_CONVERSATION,
        format=RowFormat.MESSAGES,
        build=build_conversation,
    ),
    Shape(
        "sharegpt",
        (("messages", ("conversations", "conversation")),),
        takes=("system", "tools"),
        config_names=_CONVERSATION,
        format=RowFormat.MESSAGES,
        build=build_conversation,
    ),
    Shape(
        "prompt_completion (messages)",
        (("prompt", ("prompt",)), ("completion", ("completion", "response"))),
        takes=("system", "tools"),
        config_names=("prompt_completion",),
        format=RowFormat.PROMPT_COMPLETION,
        build=build_pair,
        when=_is_list_pair,
    ),
    Shape(
        "prompt_completion",
        (("prompt", ("prompt",)), ("completion", ("completion", "response"))),
        takes=("system", "tools"),
        config_names=("prompt_completion",),
        format=RowFormat.PROMPT_COMPLETION,
        build=build_pair,
    ),
    Shape(
        "alpaca",
        (("user", ("instruction",)), ("assistant", _REPLY)),
        takes=("input", "system", "System", "history", "tools"),
        config_names=("alpaca",),
        format=RowFormat.PROMPT_COMPLETION,
        build=build_turns,
    ),
    Shape(
        "user and assistant",
        (("user", ("User", "user")), ("assistant", ("Assistant", "assistant", "output", "response"))),
        takes=("system", "System", "tools"),
        config_names=("alpaca",),
        format=RowFormat.PROMPT_COMPLETION,
        build=build_turns,
    ),
    Shape(
        "question and answer",
        (("user", ("question",)), ("assistant", ("answer", "response"))),
        takes=("system", "tools"),
        config_names=("alpaca",),
        format=RowFormat.PROMPT_COMPLETION,
        build=build_turns,
    ),
    Shape("text", (("text", ("text",)),), config_names=("text",), format=RowFormat.TEXT, build=build_text),
    Shape(
        "prompt-only",
        (("prompt", ("prompt",)),),
        config_names=("prompt_only",),
        format=RowFormat.PROMPT_ONLY,
        build=build_prompt,
        trainers=("grpo",),
        keeps_others=True,
    ),
    Shape(
        "question",
        (("prompt", ("question", "problem", "instruction")),),
        takes=("system",),
        config_names=("prompt_only",),
        format=RowFormat.PROMPT_ONLY,
        build=build_question,
        trainers=("grpo",),
        keeps_others=True,
    ),
)
