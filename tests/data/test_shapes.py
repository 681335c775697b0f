from __future__ import annotations

from typing import Any, get_args

import pytest

from forgelm.config.data import DataConfig
from forgelm.data.problems import RowError
from forgelm.data.shapes import SHAPES, build_conversation, build_pair, build_text, build_turns

U = {"role": "user", "content": "u"}
A = {"role": "assistant", "content": "a"}
PAIR = {"prompt": "prompt", "completion": "completion"}
TURNS = {"user": "instruction", "assistant": "output"}


def turns(row: dict[str, Any]) -> dict[str, Any]:
    return build_turns({"instruction": "do it", "output": "done", **row}, TURNS, set())


def test_every_format_of_the_configuration_has_a_shape_and_the_other_way_round() -> None:
    names = set(get_args(DataConfig.model_fields["format"].annotation)) - {"auto"}
    assert names == {name for shape in SHAPES for name in shape.config_names}


def test_every_trainer_has_a_shape_and_every_shape_a_trainer() -> None:
    assert all(shape.trainers for shape in SHAPES)
    assert {name for shape in SHAPES for name in shape.trainers} == {"sft", "dpo", "simpo", "kto", "orpo", "grpo"}


def test_an_instruction_and_its_input_become_one_user_turn() -> None:
    assert turns({"input": "on this"}) == {
        "prompt": [{"role": "user", "content": "do it\n\non this"}],
        "completion": [{"role": "assistant", "content": "done"}],
    }
    for empty in ("", " ", None):
        assert turns({"input": empty})["prompt"] == [{"role": "user", "content": "do it"}]


def test_system_and_history_come_before_the_instruction() -> None:
    built = turns({"system": "s", "history": [["u", "a"]]})
    assert built["prompt"] == [{"role": "system", "content": "s"}, U, A, {"role": "user", "content": "do it"}]
    assert turns({"System": "s"})["prompt"][0] == {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"output": 4}, "'output' must be text, found a number"),
        ({"instruction": ["x"]}, "'instruction' must be text, found a list"),
        ({"input": {}}, "'input' must be text, found an object"),
        ({"system": 3}, "'system' must be text"),
        ({"history": "x"}, "'history' must be a list"),
        ({"history": [["u"]]}, "list of pairs"),
        ({"history": [["u", None]]}, "text only"),
    ],
)
def test_cells_of_another_type_are_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError, match=message):
        turns(row)


def test_a_text_pair_stays_text_to_the_last_space() -> None:
    row = {"prompt": "Q: 2+2\nA:", "completion": " 4\n"}
    assert build_pair(row, PAIR, set()) == row


def test_a_pair_of_messages_keeps_its_tools_and_takes_a_system_column() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    built = build_pair({"prompt": [U], "completion": [A], "tools": tools, "system": "s"}, PAIR, set())
    assert built == {"prompt": [{"role": "system", "content": "s"}, U], "completion": [A], "tools": tools}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": [U], "completion": "a"}, "'completion' must be a list, found text"),
        ({"prompt": "u", "completion": [A]}, "'prompt' must be a list, found text"),
        ({"prompt": 1, "completion": "a"}, "'prompt' must be text"),
        ({"prompt": "u", "completion": "a", "system": "s"}, "needs a conversation"),
        ({"prompt": "u", "completion": "a", "tools": [{"name": "f"}]}, "needs a conversation"),
        ({"prompt": [{"role": "system", "content": "x"}, U], "completion": [A], "system": "s"}, "as well"),
    ],
)
def test_pairs_that_would_lose_something_are_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError, match=message):
        build_pair(row, PAIR, set())


def test_a_system_column_opens_the_conversation() -> None:
    columns = {"messages": "conversations"}
    built = build_conversation({"conversations": [U, A], "system": "s", "tools": ""}, columns, set())
    assert built == {"messages": [{"role": "system", "content": "s"}, U, A]}
    with pytest.raises(RowError, match="as well"):
        build_conversation({"conversations": [{"role": "system", "content": "x"}, U, A], "system": "s"}, columns, set())


def test_text_must_be_text() -> None:
    assert build_text({"text": " a "}, {"text": "text"}, set()) == {"text": " a "}
    with pytest.raises(RowError, match="must be text, found a list"):
        build_text({"text": ["a"]}, {"text": "text"}, set())
