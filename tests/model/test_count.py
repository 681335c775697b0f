"""Tokens are counted as the tokenizer makes them."""

from __future__ import annotations

import pytest
from support import ember_tokenizer

from forgelm.base.errors import ModelError
from forgelm.model.count import load_counter


def test_counts_are_the_tokenizers_own() -> None:
    texts = ["two teas please", "", "grün 今天 😀" * 50]
    tokenizer = ember_tokenizer()
    expected = [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]
    assert load_counter("builtin/ember")(texts) == expected


def test_no_such_tokenizer(tmp_path: object) -> None:
    with pytest.raises(ModelError, match="tokenizer"):
        load_counter(str(tmp_path))
