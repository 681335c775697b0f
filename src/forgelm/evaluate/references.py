"""Held-out rows to prompts and the replies that the data has for them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from forgelm.data.rows import RowFormat
from forgelm.train.tokenise import IGNORED, Example


@dataclass(frozen=True)
class Question:
    """One prompt as the model was trained to read it, and the reply it should give."""

    prompt_ids: list[int] = field(repr=False)
    reference: str
    source: str
    where: str


@dataclass(frozen=True)
class Questions:
    """``skipped`` counts the rows that make no question, by the reason why."""

    asked: tuple[Question, ...]
    skipped: Mapping[str, int]


def build_questions(examples: Sequence[Example], row_format: RowFormat, *, most: int, seed: int) -> Questions:
    """Return at most ``most`` questions, a sample in the rows' order where there are more.

    The prompt is everything before the last reply, exactly the tokens training put there.
    """
    found, skipped = [], Counter[str]()
    for example in examples:
        question = _build(example, row_format)
        if isinstance(question, Question):
            found.append(question)
        else:
            skipped[question] += 1
    if len(found) > most:
        chosen = sorted(random.Random(seed).sample(range(len(found)), most))
        skipped["not in the sample"] += len(found) - most
        found = [found[index] for index in chosen]
    return Questions(tuple(found), dict(skipped))


def _build(example: Example, row_format: RowFormat) -> Question | str:
    replies = _replies(example.row.value, row_format)
    if replies is None:
        return "there is no good reply in the row"
    begins = _begins(example.labels)
    if begins[:1] == [0]:
        return "its prompt is trained on too, so nothing tells it from the reply"
    if len(begins) != len(replies):
        return "its last reply was cut off by the length limit"
    if not isinstance(replies[-1], str) or not replies[-1].strip():
        return "its last reply is no text"
    return Question(example.input_ids[: begins[-1]], replies[-1], example.row.source, example.row.where)


def _replies(value: Mapping[str, Any], row_format: RowFormat) -> list[Any] | None:
    """Return the text of every reply training takes its loss over, ``None`` where there is none to compare with."""
    if row_format is RowFormat.UNPAIRED_PREFERENCE and not value["label"]:
        return None
    name = {RowFormat.MESSAGES: "messages", RowFormat.PREFERENCE: "chosen"}.get(row_format, "completion")
    if name not in value:
        return None
    reply = value[name]
    if isinstance(reply, str):
        return [reply]
    return [message.get("content") for message in reply if message["role"] == "assistant"]


def _begins(labels: Sequence[int]) -> list[int]:
    """Return where each unbroken stretch of targets begins."""
    starts = [0] if labels and labels[0] != IGNORED else []
    return starts + [place for place, (before, label) in enumerate(pairwise(labels), 1) if before == IGNORED != label]
