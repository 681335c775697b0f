"""A chat template to the text around each role's turns, where it is no more than that: what Ollama's form can say."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.publish.rendering import render_chat

_MARK = "FORGELM{}MARK"
_ROLES = ("system", "user", "assistant")
# Conversations that must come out right: with and without instructions, several turns, an answer at the end.
_PROBES = (
    ("user",),
    ("system", "user"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
)


@dataclass(frozen=True)
class Turns:
    """What stands before and after each role's text, and what begins the reply."""

    around: Mapping[str, tuple[str, str]]
    reply: str


def find_turns(template: str, special_tokens: Mapping[str, str]) -> Turns | None:
    """Return the template's turns, ``None`` when it does more than put text around them."""
    try:
        turns = _read(template, special_tokens)
    except (ModelError, ValueError):
        return None
    for roles in _PROBES:
        chat = [{"role": role, "content": f"some {role} text, {number}"} for number, role in enumerate(roles)]
        try:
            wanted = render_chat(template, chat, add_generation_prompt=True, special_tokens=special_tokens)
        except ModelError:
            return None
        if wanted != join_turns(turns, chat):
            return None
    return turns


def join_turns(turns: Turns, chat: Sequence[Mapping[str, Any]]) -> str:
    """Return the conversation with a reply begun."""
    parts = [
        f"{turns.around[message['role']][0]}{message['content']}{turns.around[message['role']][1]}" for message in chat
    ]
    return "".join([*parts, turns.reply])


def _read(template: str, special_tokens: Mapping[str, str]) -> Turns:
    """Take the text apart that two conversations render to; raises ``ValueError`` where a mark is missing."""
    roles = ("system", "user", "assistant", "user")
    chat = [{"role": role, "content": _MARK.format(number)} for number, role in enumerate(roles)]
    whole = render_chat(template, chat, special_tokens=special_tokens)
    asked = render_chat(template, chat, add_generation_prompt=True, special_tokens=special_tokens)
    if not asked.startswith(whole):
        raise ValueError("the reply does not begin after the last turn")
    places = [whole.index(message["content"]) for message in chat]
    gaps = [
        whole[start + len(message["content"]) : following]
        for start, message, following in zip(places, chat, [*places[1:], len(whole)], strict=True)
    ]
    # A gap is one turn's end and the next one's beginning; what ends the last turn is the end of every user's.
    end_of_user = gaps[-1]
    before_assistant = gaps[1].removeprefix(end_of_user)
    alone = render_chat(template, chat[1:2], special_tokens=special_tokens)
    before_user = alone[: alone.index(chat[1]["content"])]
    return Turns(
        {
            "system": (whole[: places[0]], gaps[0].removesuffix(before_user)),
            "user": (before_user, end_of_user),
            "assistant": (before_assistant, gaps[2].removesuffix(before_user)),
        },
        asked[len(whole) :],
    )


def all_texts(turns: Turns) -> list[str]:
    """Return every piece of text in ``turns``."""
    return [*itertools.chain.from_iterable(turns.around[role] for role in _ROLES), turns.reply]
