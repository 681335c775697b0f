"""Loads a tokenizer for measuring: a text in, the span of each of its tokens out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forgelm.base.errors import ConfigError
from forgelm.base.extras import load_extra

Span = tuple[int, int]


def load_token_spans(path: str) -> Callable[[str], Sequence[Span]]:
    """Return the function that gives a text's tokens as spans of characters; no code of the repository is run.

    Raises:
        ConfigError: there is no tokenizer at ``path``, or it cannot say where its tokens stand.
    """
    transformers = load_extra("transformers", extra="train")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the tokenizer '{path}' does not load: {str(error).splitlines()[0]}") from error
    if not tokenizer.is_fast:
        raise ConfigError(f"the tokenizer '{path}' cannot say where its tokens stand", hint="use a fast tokenizer")

    def find(text: str) -> list[Span]:
        told = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [(start, end) for start, end in told["offset_mapping"]]

    return find
