"""Texts to what the audit keeps of every row: by compiled code where numba is installed, by numpy where it is not."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Protocol

from forgelm.audit.rows import kernel, quality_kernel, vectors
from forgelm.audit.rows.arrays import Bytes, TextBatch, Words, Words32, np
from forgelm.audit.rows.characters import load_characters
from forgelm.audit.rows.compiling import IS_AVAILABLE
from forgelm.audit.rows.minhash import permutations
from forgelm.audit.rows.quality import judge_text
from forgelm.audit.rows.sketch_kernel import TABLE_BITS
from forgelm.audit.rows.vectors import RowHashes, Tokens

_log = logging.getLogger(__name__)
_NOTICEABLE_SECONDS = 1.0


class RowEngine(Protocol):
    """The work on the text of a batch. Every engine returns the same values, and may be called from many threads."""

    name: str

    def hash_rows(self, batch: TextBatch, num_perm: int = 0) -> RowHashes:
        """Return SimHash, digests and sizes of every row; its MinHash signature, or if ``num_perm`` is 0 its sketch."""
        ...

    def hash_tokens(self, batch: TextBatch) -> Tokens:
        """Return the hashes of all tokens of every row, in order."""
        ...

    def judge_rows(self, batch: TextBatch) -> Bytes:
        """Return the ``Quality`` flags of every row."""
        ...


def load_engine(*, compiled: bool = IS_AVAILABLE) -> RowEngine:
    """Return the fastest engine of this machine, ready to work; ``compiled=False`` asks for the one of numpy."""
    if not compiled:
        return ArrayEngine()
    engine = CompiledEngine()
    started = time.perf_counter()
    _log.info("loading the kernels of the dataset audit; the first time on a machine they are compiled for seconds")
    sample = TextBatch.from_texts(["Loading, Σ.", "ẞ"])
    engine.hash_rows(sample, 1)
    engine.hash_tokens(sample)
    engine.judge_rows(sample)
    _log.info("the kernels of the dataset audit are ready after %.1f s", time.perf_counter() - started)
    return engine


class ArrayEngine:
    """Everything in numpy; quality row by row."""

    name = "numpy"

    def hash_rows(self, batch: TextBatch, num_perm: int = 0) -> RowHashes:
        return vectors.hash_rows(batch, *_permutations(num_perm))

    def hash_tokens(self, batch: TextBatch) -> Tokens:
        return vectors.hash_tokens(batch)

    def judge_rows(self, batch: TextBatch) -> Bytes:
        return np.array([int(judge_text(text)) for text in batch], np.uint8)


class CompiledEngine:
    """One pass of compiled code for hashes, one for quality; the rare rows that it leaves are done in Python."""

    name = "numba"

    def hash_rows(self, batch: TextBatch, num_perm: int = 0) -> RowHashes:
        rows = len(batch)
        output = kernel.Output(
            np.zeros((rows, 3), np.uint64),
            np.zeros((rows, 2), np.int64),
            np.zeros(rows, np.uint8),
            np.full((rows, num_perm), 2**32 - 1, np.uint32),
            np.zeros((0 if num_perm else rows, 2), np.uint64),
        )
        functions = kernel.Permutations(*_permutations(num_perm))
        words = _align(batch)
        kernel.measure_rows(words, batch.offsets, load_characters(), functions, _make_scratch(batch), output)
        simhash, bag, digest = (np.ascontiguousarray(column) for column in output.hashes.T)
        tokens, characters = (np.ascontiguousarray(column) for column in output.counts.T)
        hard = np.flatnonzero(output.hard).tolist()
        if hard:
            lowered = self.hash_rows(_lower(batch, hard), num_perm)
            simhash[hard], bag[hard], tokens[hard] = lowered.simhash, lowered.bag, lowered.tokens
            output.signatures[hard] = lowered.signatures
            if len(output.sketches):
                output.sketches[hard] = lowered.sketches
            characters[hard] = [len(batch[row]) for row in hard]
        return RowHashes(simhash, bag, digest, tokens, characters, output.signatures, output.sketches)

    def hash_tokens(self, batch: TextBatch) -> Tokens:
        rows = len(batch)
        size = int(batch.offsets[-1] - batch.offsets[0])
        hashes, offsets = np.empty(size // 2 + rows + 1, np.uint64), np.zeros(rows + 1, np.int64)
        hard = np.zeros(rows, np.uint8)
        kernel.collect_tokens(
            _align(batch), batch.offsets, load_characters(), _make_scratch(batch), hashes, offsets[1:], hard
        )
        if hard.any():
            texts = [text.lower() if is_hard else text for text, is_hard in zip(batch, hard, strict=True)]
            return self.hash_tokens(TextBatch.from_texts(texts))
        return Tokens(hashes[: offsets[-1]].copy(), offsets)

    def judge_rows(self, batch: TextBatch) -> Bytes:
        words, flags = _align(batch), np.zeros(len(batch), np.uint8)
        quality_kernel.judge_rows(
            words, words.view(np.uint8), batch.offsets, load_characters(), _make_masks(batch), flags
        )
        for row in np.flatnonzero(flags == quality_kernel.FENCED).tolist():
            flags[row] = int(judge_text(batch[row]))
        return flags


def _permutations(num_perm: int) -> tuple[Words32, Words32]:
    functions = np.array(permutations(num_perm) if num_perm else (), np.uint32).reshape(-1, 2)
    return np.ascontiguousarray(functions[:, 0]), np.ascontiguousarray(functions[:, 1])


def _align(batch: TextBatch) -> Words:
    """Copy the text to where 8 bytes can be loaded at once, with room to load beyond its end."""
    words = np.empty((int(batch.offsets[-1]) >> 3) + 3, "<u8")
    data = words.view(np.uint8)
    size = int(batch.offsets[-1])
    data[:size] = batch.buffer[:size]
    data[size:] = 0
    return words


def _lower(batch: TextBatch, rows: Sequence[int]) -> TextBatch:
    return TextBatch.from_texts([batch[row].lower() for row in rows])


def _make_scratch(batch: TextBatch) -> kernel.Scratch:
    size = _padded_words(batch)
    low, word = np.zeros(size, np.uint64), np.zeros(size, np.uint8)
    block_bytes = kernel.CHUNK_BLOCKS * 64
    return kernel.Scratch(
        low,
        low.view(np.uint8),
        word,
        word.view(np.uint64),
        np.zeros(block_bytes + 16, np.uint64),
        np.zeros(block_bytes // 2 + 8, np.uint64),
        np.zeros(40, np.uint64),
        np.zeros(1 << TABLE_BITS, np.uint64),
        np.zeros(3, np.uint64),
    )


def _make_masks(batch: TextBatch) -> quality_kernel.Masks:
    size = _padded_words(batch)
    word, quote, line_break = np.zeros(size, np.uint8), np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    return quality_kernel.Masks(
        word,
        quote,
        line_break,
        word.view(np.uint64),
        quote.view(np.uint64),
        line_break.view(np.uint64),
        np.zeros(size // 8, np.uint64),
    )


def _padded_words(batch: TextBatch) -> int:
    """Return how many 8-byte words the longest row needs with the margin that the kernels write to, in whole blocks."""
    longest = int(np.diff(batch.offsets).max(initial=0))
    return ((longest + 7) // 8 + 24) & ~7
