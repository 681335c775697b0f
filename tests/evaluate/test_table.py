"""A run goes through the evaluations that are on, base model first, and pairs the answers by name."""

from __future__ import annotations

from pathlib import Path

from support import ember_model, ember_tokenizer, order_rows, sections

from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.evaluator import Subject
from forgelm.evaluate.table import EVALUATORS, ask_model, check_evaluations, measure_answers
from forgelm.train.tokenise import choose_encoding, tokenise
from forgelm.train.tokenised import TokenisedData


def test_every_evaluation_has_a_name_of_its_own() -> None:
    names = [evaluator.name for evaluator in EVALUATORS]
    assert len(names) == len(set(names))


def test_answers_of_both_models_become_measurements() -> None:
    config = ForgeConfig(**sections("d.jsonl", "out"))
    rows = tuple(Row({"prompt": "a", "completion": str(index)}, "d", index) for index in range(len(order_rows(6))))
    encoding = choose_encoding(
        ember_tokenizer(), rows, RowFormat.PROMPT_COMPLETION, max_length=64, add_eos=True, reply_mask=None
    )
    split = tokenise(rows, encoding)
    data, said = TokenisedData(encoding, split, split), list[str]()
    check_evaluations(config)

    def emit(event: Event, /, **fields: str) -> None:
        said.append(fields["name"])

    base = ask_model(Subject(ember_model(), ember_tokenizer(), config, data, emit, Path(), is_base=True))
    tuned = ask_model(Subject(ember_model(), ember_tokenizer(), config, data, emit, Path()))
    (loss,) = measure_answers(config, data, tuned, base)
    assert loss.value == loss.baseline is not None
    assert said == ["asking the base model: held-out rows", "asking the saved model: held-out rows"]
