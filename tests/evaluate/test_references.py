"""The prompt is what training put before the last reply; a row that has none is counted, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_tokenizer

from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.references import Questions, build_questions
from forgelm.train.tokenise import choose_encoding, tokenise

CHAT = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"},
    {"role": "user", "content": "c"},
    {"role": "assistant", "content": "d e"},
]


def questions(
    row_format: RowFormat, *values: dict[str, Any], max_length: int = 128, reply_mask: bool | None = None, most: int = 9
) -> Questions:
    tokenizer = ember_tokenizer()
    rows = tuple(Row(value, "d.jsonl", number) for number, value in enumerate(values, 1))
    encoding = choose_encoding(tokenizer, rows, row_format, max_length=max_length, add_eos=True, reply_mask=reply_mask)
    return build_questions(tokenise(rows, encoding).examples, row_format, most=most, seed=7)


@pytest.mark.parametrize(
    ("row_format", "value", "prompt", "reference"),
    [
        (RowFormat.PROMPT_COMPLETION, {"prompt": "a", "completion": " b c"}, "a", " b c"),
        (RowFormat.PREFERENCE, {"prompt": "a", "chosen": " b", "rejected": " c"}, "a", " b"),
        (RowFormat.UNPAIRED_PREFERENCE, {"prompt": "a", "completion": " b", "label": True}, "a", " b"),
    ],
)
def test_plain_rows_give_their_prompt_and_their_good_reply(
    row_format: RowFormat, value: dict[str, Any], prompt: str, reference: str
) -> None:
    (found,) = questions(row_format, value).asked
    assert ember_tokenizer().decode(found.prompt_ids).endswith(prompt)
    assert found.reference == reference
    assert (found.source, found.where) == ("d.jsonl", "d.jsonl:1")


@pytest.mark.parametrize(
    ("row_format", "value"),
    [
        (RowFormat.MESSAGES, {"messages": CHAT}),
        (RowFormat.PROMPT_COMPLETION, {"prompt": CHAT[:3], "completion": CHAT[3:]}),
        (RowFormat.PREFERENCE, {"prompt": CHAT[:3], "chosen": CHAT[3:], "rejected": CHAT[1:2]}),
    ],
)
def test_the_last_turn_is_asked_as_the_template_would(row_format: RowFormat, value: dict[str, Any]) -> None:
    (found,) = questions(row_format, value).asked
    tokenizer = ember_tokenizer()
    expected = tokenizer.apply_chat_template(CHAT[:3], add_generation_prompt=True, return_dict=True)["input_ids"]
    assert found.prompt_ids == expected
    assert found.reference == "d e"


@pytest.mark.parametrize(
    ("row_format", "value", "options", "reason"),
    [
        (RowFormat.TEXT, {"text": "a b"}, {}, "there is no good reply"),
        (RowFormat.UNPAIRED_PREFERENCE, {"prompt": "a", "completion": "b", "label": False}, {}, "no good reply"),
        (RowFormat.PROMPT_ONLY, {"prompt": "a", "columns": {"answer": "b"}}, {}, "no good reply"),
        (RowFormat.MESSAGES, {"messages": CHAT}, {"reply_mask": False}, "its prompt is trained on too"),
        (RowFormat.PROMPT_COMPLETION, {"prompt": "a", "completion": "  "}, {}, "is no text"),
    ],
)
def test_what_makes_no_question_is_counted(
    row_format: RowFormat, value: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    found = questions(row_format, value, **options)
    assert found.asked == ()
    ((said, count),) = found.skipped.items()
    assert reason in said
    assert count == 1


def test_a_conversation_whose_last_turn_was_cut_is_left_out() -> None:
    tokenizer = ember_tokenizer()
    whole = len(tokenizer.apply_chat_template(CHAT, return_dict=True)["input_ids"])
    first = len(tokenizer.apply_chat_template(CHAT[:3], return_dict=True)["input_ids"])
    found = questions(RowFormat.MESSAGES, {"messages": CHAT}, max_length=first)
    assert whole > first
    assert found == Questions((), {"its last reply was cut off by the length limit": 1})


def test_a_sample_is_drawn_by_the_seed_and_keeps_the_order() -> None:
    values = [{"prompt": "a", "completion": f" {number}"} for number in range(30)]
    found = questions(RowFormat.PROMPT_COMPLETION, *values, most=10)
    again = questions(RowFormat.PROMPT_COMPLETION, *values, most=10)
    numbers = [int(question.reference) for question in found.asked]
    assert found == again
    assert numbers == sorted(numbers)
    assert numbers != list(range(10))
    assert found.skipped == {"not in the sample": 20}
