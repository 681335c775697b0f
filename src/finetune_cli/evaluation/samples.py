"""A dataset, tokenised or not, to what is asked and what is expected: the reference never stands in the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune_cli.core.exceptions import EmptyDatasetError, EvaluationError
from finetune_cli.core.types import TokenizationConfig
from finetune_cli.data.encoding import read_examples
from finetune_cli.trainers.rows import tokenise_rows
from forgelm.train.tokenise import IGNORED, Example

_UNCUT = TokenizationConfig(truncation=False, padding="do_not_pad")


@dataclass(frozen=True)
class Sample:
    """``prompt`` and ``reference`` as token ids, the end of text left out, and the reference as text."""

    prompt: list[int]
    reference: list[int]
    text: str


def build_samples(dataset: Any, tokenizer: Any, *, limit: int | None, text_column: str = "text") -> list[Sample]:
    """Return the first ``limit`` rows as samples.

    Where a row masks its prompt, what is masked is asked and the rest expected; a row that is text alone is asked with
    its first half and expected to go on with the second.

    Raises:
        EmptyDatasetError: there are no rows.
        EvaluationError: a row has nothing to ask or nothing to expect.
    """
    if isinstance(dataset, dict):
        dataset = dataset.get("validation") or dataset["train"]
    rows = dataset.select(range(min(limit, len(dataset)))) if limit is not None else dataset
    if not len(rows):
        raise EmptyDatasetError
    if "input_ids" not in rows.column_names:
        if text_column != "text" and text_column in rows.column_names:
            rows = rows.select_columns([text_column]).rename_column(text_column, "text")
        rows = tokenise_rows(rows, tokenizer, _UNCUT)
    return [_split(example, tokenizer, number) for number, example in enumerate(read_examples(rows), start=1)]


def _split(example: Example, tokenizer: Any, number: int) -> Sample:
    targets = [place for place, label in enumerate(example.labels) if label != IGNORED]
    begin = targets[0] if targets else len(example.input_ids)
    ids = _without_end(example.input_ids, tokenizer)
    if begin == 0:
        begin = (len(ids) + 1) // 2
    prompt, reference = ids[:begin], ids[begin:]
    if not prompt or not reference:
        raise EvaluationError(f"row {number} has nothing to {'expect' if prompt else 'ask'}")
    return Sample(prompt, reference, str(tokenizer.decode(reference, skip_special_tokens=True)))


def _without_end(ids: Sequence[int], tokenizer: Any) -> list[int]:
    kept = list(ids)
    while kept and kept[-1] == tokenizer.eos_token_id:
        kept.pop()
    return kept
