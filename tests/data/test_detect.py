from __future__ import annotations

from typing import Any

import pytest

from forgelm.base.errors import DataError
from forgelm.data.detect import Match, detect
from forgelm.data.rows import Row

U = {"role": "user", "content": "u"}
A = {"role": "assistant", "content": "a"}
SHAREGPT = [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]


def find(*values: Any, config_format: str = "auto", mapped: frozenset[str] = frozenset()) -> Match:
    rows = [Row(value, "d.jsonl", number) for number, value in enumerate(values, start=1)]
    return detect(rows, "d.jsonl", config_format=config_format, mapped=mapped)


def refused(*values: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        find(*values, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("row", "label", "columns"),
    [
        ({"messages": [U, A]}, "messages", ["messages"]),
        ({"messages": [U, A], "prompt": "u", "text": "t"}, "messages", ["messages"]),
        ({"messages": SHAREGPT}, "sharegpt", ["messages"]),
        ({"conversations": SHAREGPT}, "sharegpt", ["conversations"]),
        ({"conversation": SHAREGPT}, "sharegpt", ["conversation"]),
        ({"prompt": "p", "completion": "c"}, "prompt_completion", ["prompt", "completion"]),
        ({"prompt": "p", "response": "c"}, "prompt_completion", ["prompt", "response"]),
        ({"prompt": "p", "completion": None}, "prompt_completion", ["prompt", "completion"]),
        ({"prompt": "p", "completion": "c", "label": "sports"}, "prompt_completion", ["prompt", "completion"]),
        ({"prompt": [U], "completion": [A]}, "prompt_completion (messages)", ["prompt", "completion"]),
        ({"instruction": "i", "output": "o"}, "alpaca", ["instruction", "output"]),
        ({"instruction": "i", "input": "", "response": "o", "text": "t"}, "alpaca", ["instruction", "response"]),
        ({"User": "u", "Assistant": "a", "System": "s"}, "user and assistant", ["User", "Assistant"]),
        ({"question": "q", "answer": "a"}, "question and answer", ["question", "answer"]),
        ({"text": "t", "id": 1}, "text", ["text"]),
    ],
)
def test_shapes_are_told_by_their_columns(row: dict[str, Any], label: str, columns: list[str]) -> None:
    match = find(row)
    assert (match.shape.label, [column for _, column in match.columns]) == (label, columns)


@pytest.mark.parametrize(
    ("row", "label", "trainer"),
    [
        (
            {"prompt": "p", "chosen": "c", "rejected": "r"},
            r"preference data (chosen/rejected)",
            "dpo, simpo, orpo or kto",
        ),
        ({"chosen": [U], "rejected": [A], "messages": [U, A]}, "preference", "dpo"),
        ({"prompt": "p", "completion": "c", "label": True}, "binary feedback data (completion/label)", "kto"),
        ({"prompt": "p", "completion": "c", "label": "False"}, "binary feedback", "kto"),
        ({"prompt": "p", "gold_answer": "4"}, "prompt-only data (prompt)", "grpo"),
    ],
)
def test_data_of_other_trainers_is_recognised_and_refused(row: dict[str, Any], label: str, trainer: str) -> None:
    text = refused(row, row)
    assert f"this looks like {label}" in text
    assert f"trainer_type {trainer}" in text


def test_a_format_that_is_named_wins_over_what_else_fits() -> None:
    both = {
        "text": "t",
        "messages": [U, A],
        "prompt": "p",
        "completion": "c",
        "label": True,
        "chosen": 1,
        "rejected": 2,
    }
    assert find(both, config_format="text").shape.label == "text"
    assert find(both, config_format="prompt_completion").shape.label == "prompt_completion"
    assert find(both, config_format="sharegpt").shape.label == "messages"
    assert find(both, mapped=frozenset({"text"})).shape.label == "text"


def test_rows_of_three_shapes_are_shown_with_their_places_and_numbers() -> None:
    text = refused(*[{"messages": [U, A]}] * 3, {"text": "a"}, {"a": 1}, {"b": 1}, {"text": "b"})
    assert "the rows do not all have one shape" in text
    assert "d.jsonl:1: messages, with columns 'messages' (3 rows)" in text
    assert "d.jsonl:4: text, with columns 'text' (2 rows)" in text
    assert "d.jsonl:5: not recognised, with columns 'a' (1 row)" in text
    assert "and 1 more" in text
    assert "alpaca (instruction and output)" in text


def test_a_pair_of_texts_and_a_pair_of_messages_do_not_mix() -> None:
    text = refused({"prompt": "p", "completion": "c"}, {"prompt": [U], "completion": [A]})
    assert "d.jsonl:2: prompt_completion (messages)" in text


def test_unknown_columns_are_listed_with_every_shape() -> None:
    text = refused({"Frage": "q", "Antwort": "a"})
    assert "not recognised (found: 'Frage', 'Antwort')" in text
    assert "data.columns" in text
    for shape in ("messages", "sharegpt", "prompt_completion", "alpaca", "question and answer", "text"):
        assert f"{shape} (" in text
    assert "as data.format text (found: 'a')" in refused({"a": 1}, config_format="text")
    assert "found: none" in refused({})


def test_assigned_columns_must_belong_to_one_shape() -> None:
    assert "data.columns assigns input, text" in refused({"text": "t"}, mapped=frozenset({"text", "input"}))


def test_rows_that_are_no_objects_are_counted() -> None:
    text = refused({"text": "a"}, "b", [1], None)
    assert "3 of its 4 rows are no objects" in text
    assert "d.jsonl:2: a row must be an object with columns, found text" in text
