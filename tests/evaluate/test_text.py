"""Replies to held-out prompts are scored as the reference libraries score them, base model and saved one alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import ember_model, ember_tokenizer, sections

from forgelm.base.errors import DataError
from forgelm.base.events import emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.evaluator import Subject
from forgelm.evaluate.references import Question, Questions
from forgelm.evaluate.text import Replies, ask_text, check_text, measure_text
from forgelm.train.tokenise import choose_encoding, tokenise
from forgelm.train.tokenised import TokenisedData

ALL = ["exact_match", "token_f1", "rouge1", "rouge2", "rougeL", "bleu", "chrf"]


def config(**text: Any) -> ForgeConfig:
    given = {"text": {"enabled": True, **text}}
    return ForgeConfig(**sections("d.jsonl", "out", evaluation=given))


def data(values: list[dict[str, Any]], row_format: RowFormat = RowFormat.PROMPT_COMPLETION) -> TokenisedData:
    rows = tuple(Row(value, "d.jsonl", number) for number, value in enumerate(values, 1))
    encoding = choose_encoding(ember_tokenizer(), rows, row_format, max_length=128, add_eos=True, reply_mask=None)
    split = tokenise(rows, encoding)
    return TokenisedData(encoding, split, split)


def replies(texts: list[str], references: list[str], sources: tuple[str, ...] = ("a", "b")) -> Replies:
    asked = tuple(
        Question([1], reference, sources[index % len(sources)], f"d:{index}")
        for index, reference in enumerate(references)
    )
    return Replies(Questions(asked, {"its last reply is no text": 2}), tuple(texts), 1.5)


def test_each_metric_is_measured_beside_the_base_model() -> None:
    references = [f"order {number} coffee and tea" for number in range(12)]
    wrong = ["no idea at all"] * 12
    nothing: Any = None
    found = measure_text(config(metrics=ALL), nothing, replies(references, references), replies(wrong, references))
    assert [item.name for item in found] == [f"text.{name}" for name in ALL]
    for item in found:
        assert item.value == pytest.approx(1.0)
        assert item.baseline is not None and item.baseline < 0.5
        assert item.details["change_interval"]["low"] > 0.4
        assert item.details["slices"]["a"]["n"] == 6
        assert item.details["skipped"] == {"its last reply is no text": 2}
    exact = found[0]
    assert exact.details["interval"]["low"] == pytest.approx(0.025 ** (1 / 12))


def test_the_rows_stand_in_a_file_and_their_texts_only_when_asked_for() -> None:
    texts, nothing = ["same", "other", " "], None
    tuned, base = replies(texts, ["same", "same", "same"]), replies(["x", "y", "z"], ["same"] * 3)
    silent, *others = measure_text(config(metrics=["exact_match", "token_f1"]), nothing, tuned, base)  # type: ignore[arg-type]
    rows = silent.files["text/text_results.jsonl"]
    assert [row["scores"]["exact_match"] for row in rows] == [1.0, 0.0, 0.0]
    assert all(not item.files for item in others)
    assert "reply" not in rows[0]
    assert silent.details["empty_replies"] == 1
    told, *_ = measure_text(config(include_eval_samples=True), nothing, tuned, base)  # type: ignore[arg-type]
    assert told.files["text/text_results.jsonl"][1]["reply"] == "other"


def test_replies_do_not_depend_on_the_batch_size() -> None:
    values = [{"prompt": "order " + "tea " * number, "completion": " done"} for number in range(1, 18)]
    rows = data(values)
    said = [
        ask_text(
            Subject(
                *(ember_model(), ember_tokenizer(), config(batch_size=size, max_new_tokens=8), rows),
                *(emit_nothing, Path()),
            )
        ).texts
        for size in (1, 4, 16)
    ]
    assert said[0] == said[1] == said[2]
    assert len(said[0]) == 17


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (data([{"text": "a b"}], RowFormat.TEXT), "there is no good reply"),
        (TokenisedData(data([{"prompt": "a", "completion": "b"}]).encoding, None, None), "no validation rows"),  # type: ignore[arg-type]
    ],
)
def test_a_run_that_has_nothing_to_compare_with_stops_before_training(rows: TokenisedData, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        ask_text(Subject(ember_model(), ember_tokenizer(), config(), rows, emit_nothing, Path(), is_base=True))


def test_the_packages_are_looked_for_before_anything_is_loaded() -> None:
    check_text(config(metrics=ALL))
