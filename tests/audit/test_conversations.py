"""What can be wrong with turns, pairs and labels."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from forgelm.audit.conversations import (
    Issue,
    TurnSummary,
    describe_prompt_overlap,
    examine_rows,
    find_issues,
    read_prompt,
)


def _turns(*turns: str) -> list[dict[str, Any]]:
    """``"user:Hi"`` as a message."""
    return [{"role": turn.partition(":")[0], "content": turn.partition(":")[2]} for turn in turns]


CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "now", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("messages", "issues"),
    [
        (_turns("system:Be kind", "user:Hi", "assistant:Hello"), set()),
        (_turns("user:Hi", "assistant:Hello", "user:Bye", "assistant:Bye"), set()),
        ([{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}], set()),
        ([*_turns("user:Time?"), CALL, *_turns("tool:12", "tool:13", "assistant:Noon")], set()),
        (_turns("user:Hi", "assistant: "), {Issue.EMPTY_TURN}),
        (_turns("user:Hi", "system:Be kind", "assistant:Hello"), {Issue.SYSTEM_NOT_FIRST}),
        (_turns("assistant:Hello", "user:Hi", "assistant:Yes"), {Issue.STARTS_WITH_ASSISTANT}),
        (_turns("user:Hi", "user:Still here", "assistant:Yes"), {Issue.SAME_ROLE_TWICE}),
        (_turns("user:Hi", "assistant:Hello", "user:More"), {Issue.UNANSWERED_PROMPT}),
        (_turns("user:Hi"), {Issue.UNANSWERED_PROMPT, Issue.NO_ASSISTANT}),
        (_turns("user:Hi", "tool:12", "assistant:Noon"), {Issue.TOOL_WITHOUT_CALL}),
        ([], {Issue.UNREADABLE_MESSAGES, Issue.NO_ASSISTANT}),
        ([*_turns("user:Hi", "assistant:Hello"), "text"], {Issue.UNREADABLE_MESSAGES, Issue.EMPTY_TURN}),
        ([{"role": "user", "content": [{"type": "image"}]}, *_turns("assistant:A cat")], set()),
    ],
)
def test_turns(messages: list[Any], issues: set[Issue]) -> None:
    assert find_issues({"messages": messages}) == issues


@pytest.mark.parametrize(
    ("row", "issues"),
    [
        ({"prompt": "Why?", "chosen": "Because of it", "rejected": "No idea at all"}, set()),
        ({"prompt": " ", "chosen": "", "rejected": "No"}, {Issue.EMPTY_PROMPT, Issue.EMPTY_COMPLETION}),
        ({"prompt": "Why?", "chosen": "Same", "rejected": "Same"}, {Issue.IDENTICAL_PAIR}),
        ({"prompt": "Why?", "chosen": "Same thing.", "rejected": "same, thing"}, {Issue.NEAR_IDENTICAL_PAIR}),
        (
            {"chosen": _turns("user:Q", "assistant:A"), "rejected": _turns("user:Q", "assistant:A")},
            {Issue.IDENTICAL_PAIR},
        ),
        ({"chosen": _turns("user:Q", "assistant:A"), "rejected": _turns("user:Q", "assistant:B")}, set()),
        ({"prompt": "Q", "completion": "A", "label": True}, set()),
        ({"prompt": "Q", "completion": "A", "label": 1}, {Issue.LABEL_NOT_BOOLEAN}),
        ({"prompt": _turns("user:Q"), "completion": _turns("assistant:A")}, set()),
        ({"text": "anything", "label": "topic"}, set()),
    ],
)
def test_pairs_and_labels(row: dict[str, Any], issues: set[Issue]) -> None:
    assert find_issues(row) == issues


def test_parts_add_up_in_any_order() -> None:
    rows = [(number, {"messages": _turns("user:Hi") * (number % 3 + 1)}) for number in range(60)]
    rows += [(60 + number, {"completion": "A", "label": number % 4 == 0}) for number in range(20)]
    whole = examine_rows(rows)
    chance = random.Random(0)
    chance.shuffle(rows)
    parts = [examine_rows(rows[begin : begin + 7]) for begin in range(0, len(rows), 7)]
    merged = TurnSummary()
    for part in parts:
        merged = part.merge(merged)
    assert merged == whole
    assert whole.rows == 80
    assert whole.issues == {"no_assistant": 60, "unanswered_prompt": 60, "same_role_twice": 40}
    assert whole.examples["same_role_twice"][:3] == (1, 2, 4) and len(whole.examples["no_assistant"]) == 20
    assert whole.turns == {"user": 120}
    assert whole.labels == {"true": 5, "false": 15} and whole.label_balance == 0.25
    assert TurnSummary().label_balance is None


def test_prompts_are_the_same_in_every_format() -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "Why is it so?"},
        {"prompt": _turns("user:Why is it so?"), "completion": "A"},
        {"messages": _turns("user:Why is it so?", "assistant:Because", "user:And?")},
        {"instruction": "Why is it so?", "output": "Because"},
    ]
    assert {read_prompt(row) for row in rows} == {"Why is it so?"}
    assert read_prompt({"instruction": "a", "input": "b"}) == "a\0b"
    assert read_prompt({"text": "Why is it so?"}) == read_prompt({"messages": _turns("assistant:A")}) == ""


def test_overlap_counts_rows_of_both_splits() -> None:
    train, test = np.array([1, 1, 2, 0], np.uint64), np.array([1, 3, 0, 0], np.uint64)
    assert describe_prompt_overlap({"train": train, "test": test}) == {
        "train__test": {
            "shared_rows_in_a": 2,
            "shared_rate_a": 0.6667,
            "shared_rows_in_b": 1,
            "shared_rate_b": 0.5,
        }
    }
