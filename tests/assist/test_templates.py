"""The rows that come with the templates: as many as is said, none twice, each in its form, with their licence."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from forgelm.assist.templates import EMBEDDED, STARTERS, TEMPLATES, Template


def read_rows(folder: str, name: str = "train") -> list[dict[str, Any]]:
    text = (files("forgelm.assist") / folder / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_five_of_the_contract_are_there_with_their_models() -> None:
    assert list(TEMPLATES) == ["orders", *STARTERS]
    assert list(STARTERS) == ["customer-support", "code-assistant", "domain-expert", "medical-qa-tr", "grpo-math"]
    assert all(EMBEDDED not in (one.primary_model, one.fallback_model) for one in STARTERS.values())


@pytest.mark.parametrize(
    "template", [one for one in STARTERS.values() if one.bundled_dataset], ids=lambda one: one.name
)
def test_the_rows_are_as_many_as_the_description_says(template: Template) -> None:
    count = int(re.findall(r"\b\d+\b", template.description)[0])
    assert len(read_rows(template.folder)) == count
    card = (files("forgelm.assist") / template.folder / "README.md").read_text(encoding="utf-8")
    assert "Licence: Apache-2.0" in card and str(count) in card


def test_every_sum_has_its_number() -> None:
    rows = read_rows("grpo_math")
    assert len({row["prompt"] for row in rows}) == len(rows)
    assert all(set(row) == {"prompt", "gold_answer"} and row["gold_answer"].isdecimal() for row in rows)


@pytest.mark.parametrize("folder", ["customer_support", "code_assistant"])
def test_no_question_is_asked_twice(folder: str) -> None:
    rows = [row["messages"] for row in read_rows(folder)]
    assert len({question["content"] for question, _ in rows}) == len(rows)
    assert {(question["role"], answer["role"]) for question, answer in rows} == {("user", "assistant")}
    assert all(answer["content"].strip() for _, answer in rows)


def test_every_solution_is_python_that_runs() -> None:
    for row in read_rows("code_assistant"):
        answer = row["messages"][1]["content"]
        assert answer.startswith("```python\n") and answer.endswith("\n```")
        exec(compile(answer[10:-4], "answer", "exec"), {})


def test_the_health_rows_are_turkish_held_apart_and_name_no_dose() -> None:
    train, validation = read_rows("medical_qa_tr"), read_rows("medical_qa_tr", "validation")
    assert len(validation) == 12
    chats = [row["messages"] for row in train + validation]
    assert {tuple(message["role"] for message in chat) for chat in chats} == {("system", "user", "assistant")}
    assert len({chat[1]["content"] for chat in chats}) == len(chats) == len({chat[2]["content"] for chat in chats})
    assert {chat[0]["content"] for chat in chats} == {chats[0][0]["content"]}
    answers = [chat[2]["content"] for chat in chats]
    assert all(re.search("[çğıöşüİ]", answer) for answer in answers)
    assert not [answer for answer in answers if re.search(r"\d+ ?(mg|miligram|mcg|IU|tablet|hap)\b(?!/dL)", answer)]
    assert sum("112" in answer for answer in answers) >= 15


def test_what_must_be_said_of_the_health_rows_is_said_first() -> None:
    card = (files("forgelm.assist") / "medical_qa_tr" / "README.md").read_text(encoding="utf-8")
    assert "**Not medical advice.**" in card and "değildir.**" in card
    assert "Not medical advice" in STARTERS["medical-qa-tr"].warning
    assert [name for name, one in TEMPLATES.items() if one.warning] == ["medical-qa-tr"]
