"""Counts what a dataset holds: rows, words, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.data.rows import Row
from forgelm.train.tokenise import TokenisedSplit


class DatasetAnalyzer:
    """Statistics of text columns."""

    @staticmethod
    def analyze(dataset: Any, columns: Sequence[str]) -> dict[str, Any]:
        """Return the number of rows, and of words and characters over the text in ``columns``."""
        return count_texts([" ".join(str(row.get(name) or "") for name in columns) for row in dataset])


def count_texts(texts: Sequence[str]) -> dict[str, Any]:
    words = [len(text.split()) for text in texts]
    characters = [len(text) for text in texts]
    return {
        "num_samples": len(texts),
        "avg_words": _mean(words),
        "min_words": min(words, default=0),
        "max_words": max(words, default=0),
        "avg_characters": _mean(characters),
        "empty_samples": sum(not count for count in words),
    }


def count_tokens(splits: Sequence[TokenisedSplit]) -> dict[str, Any]:
    """Return the number of tokens, padding left out, and what was lost to the length."""
    lengths = [len(example.input_ids) for split in splits for example in split.examples]
    ledgers = [split.ledger for split in splits]
    return {
        "avg_tokens": _mean(lengths),
        "max_tokens": max(lengths, default=0),
        "total_tokens": sum(lengths),
        "target_tokens": sum(ledger.target_tokens for ledger in ledgers),
        "rows_truncated": sum(ledger.rows_truncated for ledger in ledgers),
        "rows_dropped": sum(ledger.rows_dropped for ledger in ledgers),
    }


def row_text(row: Row) -> str:
    """Return everything a rendered row says, as one text."""
    value = row.value
    if "text" in value:
        return str(value["text"])
    turns = value.get("messages") or [value.get("prompt"), value.get("completion")]
    return "\n".join(str(turn.get("content") or "") if isinstance(turn, dict) else str(turn) for turn in turns)


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
