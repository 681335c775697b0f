"""Rows that hold benchmark text, against a search by string."""

from __future__ import annotations

import random

import pytest
from duplicate_corpora import ENGINES

from forgelm.audit.duplicates.contamination import (
    build_benchmark_index,
    count_rows,
    find_contamination,
    hash_ngrams,
)
from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import load_engine
from forgelm.audit.rows.tokens import tokenize
from forgelm.base.errors import ConfigError, DataError

CHANCE = random.Random(11)
WORDS = [f"word{number}" for number in range(300)]
EXAM = [" ".join(CHANCE.choices(WORDS, k=CHANCE.choice([6, 12, 13, 30, 60]))) for _ in range(40)]
QUIZ = [" ".join(CHANCE.choices(WORDS, k=25)) for _ in range(10)]


def _ngrams(text: str, size: int) -> set[tuple[str, ...]]:
    tokens = tokenize(text)
    size = min(size, len(tokens))
    return {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}


def _rows() -> list[str]:
    rows = []
    for _ in range(300):
        row = CHANCE.choices(WORDS, k=CHANCE.choice([0, 3, 20, 50]))
        if CHANCE.random() < 0.4:
            tokens = CHANCE.choice(EXAM + QUIZ).upper().split()
            begin = CHANCE.randrange(len(tokens))
            row += tokens[begin : begin + CHANCE.randrange(5, 40)]
        rows.append(", ".join(row))
    return rows


@pytest.mark.parametrize("compiled", ENGINES)
def test_rows_with_a_run_of_benchmark_words_are_found(compiled: bool) -> None:
    engine, rows = load_engine(compiled=compiled), _rows()
    index = build_benchmark_index({"exam": EXAM, "quiz": QUIZ}, engine)
    found = {one.row: one for one in find_contamination(TextBatch.from_texts(rows), 1000, index, engine)}
    for number, row in enumerate(rows):
        tokens = tokenize(row)
        runs = {tuple(tokens[a : a + size]) for size in (6, 12, 13) for a in range(len(tokens) - size + 1)}
        sources = {
            (name, item)
            for name, items in (("exam", EXAM), ("quiz", QUIZ))
            for item, text in enumerate(items)
            if runs & _ngrams(text, 13)
        }
        assert (1000 + number in found) == bool(sources)
        if sources:
            one = found[1000 + number]
            assert (one.benchmark, one.item) in sources
            assert 0 < one.share <= 1 and one.shared > 0
    assert count_rows(found.values())["exam"] > 20


def test_a_whole_item_is_shared_to_the_full() -> None:
    engine = load_engine(compiled=False)
    index = build_benchmark_index({"quiz": QUIZ}, engine)
    (found,) = find_contamination(TextBatch.from_texts(["", QUIZ[3].title()]), 0, index, engine)
    assert (found.row, found.benchmark, found.item, found.shared, found.share) == (1, "quiz", 3, 13, 1.0)


def test_ngrams_do_not_cross_rows() -> None:
    engine = load_engine(compiled=False)
    hashes, rows = hash_ngrams(engine.hash_tokens(TextBatch.from_texts(["a b c", "a", "", "a b c d"])), 3)
    assert rows.tolist() == [0, 3, 3]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hash_ngrams(engine.hash_tokens(TextBatch.from_texts(["a"])), 3)[0]) == 0


def test_benchmarks_without_long_texts_are_refused() -> None:
    with pytest.raises(DataError, match="'short'"):
        build_benchmark_index({"quiz": QUIZ, "short": ["one two"]}, load_engine(compiled=False))


def test_ngrams_of_few_words_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 5"):
        build_benchmark_index({"quiz": QUIZ}, load_engine(compiled=False), ngram=2)
