"""A tokenizer's name to a function that counts tokens, many texts at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.revision import resolve_revision


def load_counter(
    name: str, *, revision: str | None = None, offline: bool = False, token: str | None = None
) -> Callable[[Sequence[str]], list[int]]:
    """Return a function from texts to their lengths in tokens, without special ones. No weights are loaded.

    Raises:
        ModelError: there is no such tokenizer.
        OptionalDependencyError: transformers is not installed.
    """
    transformers = load_extra("transformers", extra="train")
    found = resolve_revision(name, revision=revision, offline=offline, token=token)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            found.path, token=token, local_files_only=offline, **found.load_options()
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the tokenizer of {name} cannot be loaded: {reason}") from error

    def count(texts: Sequence[str]) -> list[int]:
        if tokenizer.is_fast:
            encoded = tokenizer.backend_tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
            return [len(one) for one in encoded]
        return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    return count
