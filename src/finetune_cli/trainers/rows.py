"""Tokenises rows that are still text, for the trainers that are handed such."""

from __future__ import annotations

from typing import Any

from finetune_cli.core.types import TokenizationConfig
from finetune_cli.data.encoding import build_dataset, encode_rows, normalise_rows
from finetune_cli.data.layout import Kind, choose_layout
from finetune_cli.data.rendering import RESPONSE_HEADING, render_rows, split_prompt
from forgelm.data.rows import Row


def tokenise_rows(dataset: Any, tokenizer: Any, config: TokenizationConfig) -> Any:
    """Return a tokenised ``Dataset``. Text that holds the response heading is a prompt and its reply, prompt masked."""
    rows = [Row(dict(value), "dataset", number) for number, value in enumerate(dataset, start=1)]
    layout = choose_layout([row.value for row in rows])
    rendered = render_rows(rows, layout)
    formatted = layout.kind is Kind.TEXT and all(RESPONSE_HEADING in row.value["text"] for row in rendered)
    if formatted:
        rendered = [Row(split_prompt(row.value["text"]), row.source, row.number) for row in rendered]
    normal, row_format = normalise_rows(rendered, "dataset")
    return build_dataset(encode_rows(normal, row_format, tokenizer, config).examples, tokenizer, config)
