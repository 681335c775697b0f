"""Both engines against the definitions in plain Python, on texts made to break them."""

from __future__ import annotations

import logging
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from duplicate_corpora import ENGINES, NEEDS_NUMBA, sketch
from hard_texts import EVIL, PIECES, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.rows.arrays import TextBatch
from forgelm.audit.rows.engine import RowEngine, load_engine
from forgelm.audit.rows.minhash import compute_minhash
from forgelm.audit.rows.quality import judge_text
from forgelm.audit.rows.simhash import compute_simhash
from forgelm.audit.rows.tokens import hash_token, tokenize

PERMUTATIONS = 12


@pytest.fixture(params=ENGINES, ids=["numpy", "numba"], scope="module")
def engine(request: pytest.FixtureRequest) -> RowEngine:
    return load_engine(compiled=request.param)


def _check(engine: RowEngine, rows: list[str]) -> None:
    batch = TextBatch.from_texts(rows)
    hashes, tokens, flags = engine.hash_rows(batch, PERMUTATIONS), engine.hash_tokens(batch), engine.judge_rows(batch)
    sketches = engine.hash_rows(batch).sketches
    assert not len(hashes.sketches)
    for number, text in enumerate(rows):
        expected = [hash_token(token) for token in tokenize(text)]
        minhash = compute_minhash(text, num_perm=PERMUTATIONS)
        assert int(hashes.simhash[number]) == compute_simhash(text)
        assert int(hashes.bag[number]) == sum(expected) % 2**64
        assert hashes.tokens[number] == len(expected)
        assert sketches[number].tolist() == sketch(expected)
        assert hashes.characters[number] == len(text)
        assert tuple(hashes.signatures[number].tolist()) == (minhash.values if minhash else (2**32 - 1,) * PERMUTATIONS)
        assert tokens.hashes[tokens.offsets[number] : tokens.offsets[number + 1]].tolist() == expected
        assert int(flags[number]) == int(judge_text(text))


@given(st.lists(texts(), max_size=6))
@settings(max_examples=300, deadline=None)
def test_every_value_is_the_one_of_the_definition(engine: RowEngine, rows: list[str]) -> None:
    _check(engine, rows)


def test_every_value_is_the_one_of_the_definition_on_a_large_batch(engine: RowEngine) -> None:
    chance = random.Random(7)
    _check(engine, ["".join(chance.choices(PIECES, k=chance.randrange(60))) for _ in range(1500)])


def test_every_value_is_the_one_of_the_definition_on_evil_rows(engine: RowEngine) -> None:
    _check(engine, [*EVIL, *reversed(EVIL)])


@NEEDS_NUMBA
@given(st.lists(texts(), max_size=8))
@settings(max_examples=200, deadline=None)
def test_digests_are_equal_where_texts_are(rows: list[str]) -> None:
    batch = TextBatch.from_texts(rows)
    compiled, arrays = (load_engine(compiled=choice).hash_rows(batch).digest for choice in (True, False))
    assert compiled.tolist() == arrays.tolist()
    assert len(set(compiled.tolist())) == len(set(rows))


def test_digests_tell_small_changes_apart(engine: RowEngine) -> None:
    base = "The same text, again and again. " * 4
    rows = [base[:place] + chr(ord(base[place]) ^ 1) + base[place + 1 :] for place in range(len(base))]
    rows += [base + "\0" * size for size in range(20)] + [base[8:16] + base[:8] + base[16:]]
    digests = engine.hash_rows(TextBatch.from_texts(rows)).digest
    assert len(set(digests.tolist())) == len(set(rows))


def test_no_rows(engine: RowEngine) -> None:
    batch = TextBatch.from_texts([])
    assert len(engine.hash_rows(batch, 4).simhash) == len(engine.judge_rows(batch)) == 0
    assert engine.hash_tokens(batch).offsets.tolist() == [0]


def test_a_million_empty_rows(engine: RowEngine) -> None:
    if engine.name == "numpy":
        pytest.skip("row by row in Python; the compiled engine is for this many rows")
    batch = TextBatch(np.zeros(0, np.uint8), np.zeros(1_000_001, np.int64))
    assert not engine.hash_rows(batch).simhash.any()
    assert not engine.judge_rows(batch).any()


def test_one_token_of_50_megabytes(engine: RowEngine) -> None:
    data = np.full(50_000_000, ord("x"), np.uint8)
    batch = TextBatch(data, np.array([0, len(data)], np.int64))
    hashes = engine.hash_rows(batch)
    assert (hashes.tokens[0], hashes.characters[0]) == (1, 50_000_000)
    assert hashes.simhash[0] == hashes.bag[0]


def test_bytes_that_are_not_utf8_stay_inside_the_row(engine: RowEngine) -> None:
    if engine.name == "numpy":
        pytest.skip("numpy decodes; readers replace such bytes before")
    rows = [b"\xff\xfe\xc3", b"abc \xe2\x82", b"\xf0\x9f", b"plain words"]
    assert engine.hash_rows(TextBatch.from_bytes(rows)).tokens.tolist()[-1] == 2


def test_threads_share_an_engine(engine: RowEngine) -> None:
    chance = random.Random(3)
    batches = [TextBatch.from_texts(["".join(chance.choices(PIECES, k=30)) for _ in range(100)]) for _ in range(16)]
    alone = [engine.hash_rows(batch).simhash.tolist() for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = [hashes.simhash.tolist() for hashes in pool.map(engine.hash_rows, batches)]
    assert alone == together


@NEEDS_NUMBA
def test_loading_says_that_it_may_compile(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "forgelm"):
        load_engine(compiled=True)
    assert "compiled" in caplog.text and "ready after" in caplog.text
