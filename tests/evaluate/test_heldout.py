"""Each kind of rows is asked about in its own way; without held-out rows nothing is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import ember_model, ember_tokenizer, sections

from forgelm.base.events import emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.evaluator import Subject
from forgelm.evaluate.heldout import Heldout, ask_heldout, measure_heldout
from forgelm.train.rewards import Reward, reward_length
from forgelm.train.tokenise import choose_encoding, tokenise
from forgelm.train.tokenised import TokenisedData


def data(row_format: RowFormat, value: dict[str, Any], *, held_out: bool = True) -> TokenisedData:
    rows = (Row(value, "d", 1),)
    encoding = choose_encoding(ember_tokenizer(), rows, row_format, max_length=64, add_eos=True, reply_mask=None)
    split = tokenise(rows, encoding)
    return TokenisedData(encoding, split, split if held_out else None, (Reward("length", reward_length),))


def subject(rows: TokenisedData, **training: Any) -> Subject:
    config = ForgeConfig(**sections("d.jsonl", "out", training=training))
    return Subject(ember_model(), ember_tokenizer(), config, rows, emit_nothing, Path())


@pytest.mark.parametrize(
    ("row_format", "trainer", "value", "unit"),
    [
        (RowFormat.PROMPT_COMPLETION, "sft", {"prompt": "a", "completion": "b"}, "nats per token"),
        (RowFormat.PREFERENCE, "dpo", {"prompt": "a", "chosen": "b", "rejected": "c"}, "nats per row"),
        (RowFormat.UNPAIRED_PREFERENCE, "kto", {"prompt": "a", "completion": "b", "label": True}, "share"),
        (RowFormat.PROMPT_ONLY, "grpo", {"prompt": "a", "columns": {}}, "reward"),
    ],
)
def test_a_model_measured_against_itself_equals_its_baseline(
    row_format: RowFormat, trainer: str, value: dict[str, Any], unit: str
) -> None:
    asking = subject(data(row_format, value), trainer_type=trainer, grpo_max_completion_length=4)
    asked = ask_heldout(asking)
    (measured,) = measure_heldout(asking.config, asking.data, asked, asked)
    assert measured.value == measured.baseline is not None
    assert measured.unit == unit


def test_without_validation_rows_nothing_is_measured() -> None:
    asking = subject(data(RowFormat.TEXT, {"text": "a b"}, held_out=False))
    asked = ask_heldout(asking)
    assert asked == Heldout()
    assert measure_heldout(asking.config, asking.data, asked, asked) == ()
