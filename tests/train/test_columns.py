"""Each trainer gets exactly the tokens we made, split where the reply begins."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_tokenizer

from forgelm.base.errors import DataError
from forgelm.data.rows import Row, RowFormat
from forgelm.train.columns import (
    build_concatenated_dataset,
    build_feedback_dataset,
    build_pair_dataset,
    build_prompt_dataset,
    reply_ids,
)
from forgelm.train.tokenise import IGNORED, Example, choose_encoding, tokenise

U = {"role": "user", "content": "tea please"}
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("One tea.", "No."))
CHAT = {"prompt": [U], "chosen": [GOOD], "rejected": [BAD]}
TEXT = {"prompt": "2+2=", "chosen": "4", "rejected": "5"}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return ember_tokenizer()


def examples(tokenizer: Any, row_format: RowFormat, *values: Any, max_length: int = 64) -> tuple[Example, ...]:
    rows = tuple(Row(value, "d.jsonl", number) for number, value in enumerate(values, 1))
    encoding = choose_encoding(tokenizer, rows, row_format, max_length=max_length, add_eos=True, reply_mask=None)
    return tokenise(rows, encoding).examples


@pytest.mark.parametrize("row", [CHAT, TEXT])
def test_a_pair_shares_its_prompt_and_ends_its_turns(tokenizer: Any, row: Any) -> None:
    (pair,) = build_pair_dataset(examples(tokenizer, RowFormat.PREFERENCE, row)).to_list()
    for part in ("chosen", "rejected"):
        text = row[part] if isinstance(row[part], str) else row[part][0]["content"]
        assert tokenizer.decode(pair[f"{part}_ids"]) == text + tokenizer.eos_token
    if row is CHAT:
        rendered = tokenizer.apply_chat_template([U], add_generation_prompt=True, return_dict=True)["input_ids"]
        assert pair["prompt_ids"] == rendered


def test_pairs_side_by_side_carry_their_masks(tokenizer: Any) -> None:
    (example,) = examples(tokenizer, RowFormat.PREFERENCE, CHAT)
    (row,) = build_concatenated_dataset([example]).to_list()
    assert row["chosen_input_ids"] == example.input_ids
    assert example.rejected is not None
    assert row["rejected_labels"] == example.rejected.labels
    assert set(row["chosen_attention_mask"]) == {1}


def test_a_verdict_keeps_its_label(tokenizer: Any) -> None:
    value = {"prompt": [U], "completion": [BAD], "label": False}
    (row,) = build_feedback_dataset(examples(tokenizer, RowFormat.UNPAIRED_PREFERENCE, value)).to_list()
    assert row["label"] is False
    assert tokenizer.decode(row["completion_ids"]) == "No." + tokenizer.eos_token


def test_prompts_keep_their_columns_as_they_are(tokenizer: Any) -> None:
    values = [{"prompt": [U], "columns": {"gold": {"deep": [1]}}}, {"prompt": [U], "columns": {"gold": "4", "x": 1}}]
    dataset = build_prompt_dataset(examples(tokenizer, RowFormat.PROMPT_ONLY, *values))
    assert len(dataset) == 2
    assert dataset[0] == {"prompt": [U], "gold": {"deep": [1]}, "x": None}
    assert dataset[1]["x"] == 1


def test_a_pair_that_is_cut_to_the_same_is_left_out_and_counted(tokenizer: Any) -> None:
    rows = tuple(
        Row({"prompt": "a", "chosen": f"{'same ' * 40}{end}", "rejected": "same " * 41}, "d", 1) for end in "xy"
    )
    encoding = choose_encoding(tokenizer, rows, RowFormat.PREFERENCE, max_length=16, add_eos=True, reply_mask=None)
    split = tokenise(rows, encoding)
    assert (split.ledger.rows, split.ledger.rows_dropped) == (0, 2)


def test_a_prompt_is_kept_whole_or_not_at_all(tokenizer: Any) -> None:
    values = [{"prompt": "short", "columns": {}}, {"prompt": "long " * 50, "columns": {}}]
    kept = examples(tokenizer, RowFormat.PROMPT_ONLY, *values, max_length=32)
    assert [example.row.value["prompt"] for example in kept] == ["short"]
    assert set(kept[0].labels) == {IGNORED}


def test_a_reply_with_something_else_inside_is_refused() -> None:
    example = Example([1, 2, 3, 4], [IGNORED, 2, IGNORED, 4], Row({}, "d.jsonl", 7))
    with pytest.raises(DataError, match=r"d.jsonl:7: .*tool's answer"):
        reply_ids(example, 1)
