"""The fused pass over the text of many rows for machines without a compiler: the same values from numpy alone."""

from __future__ import annotations

from typing import NamedTuple

from forgelm.audit.rows.arrays import Bits, Ints, TextBatch, Words, Words32, np
from forgelm.audit.rows.characters import WORD, load_characters
from forgelm.audit.rows.sketch import sketch_rows
from forgelm.audit.rows.tokens import GOLDEN, LEAST_WORDS, MIX_1, MIX_2, hash_bytes

_U = np.uint64
_LONG_TOKEN = 256  # bytes; the few beyond, such as encoded files, are hashed one by one
_PART_BYTES = 1 << 20  # how much text is worked on at once: every token takes 64 counters


class RowHashes(NamedTuple):
    """What is known of every row: SimHash, sum of its token hashes, digest of its bytes; tokens and characters.

    ``signatures`` has a row of MinHash values for each, ``2**32 - 1`` where there is no token; where none are asked
    for, ``sketches`` has the two words of ``sketch``.
    """

    simhash: Words
    bag: Words
    digest: Words
    tokens: Ints
    characters: Ints
    signatures: Words32
    sketches: Words


class Tokens(NamedTuple):
    """The hashes of all tokens of a batch; those of row ``i`` are ``hashes[offsets[i]:offsets[i + 1]]``."""

    hashes: Words
    offsets: Ints


def hash_rows(batch: TextBatch, factors: Words32, shifts: Words32) -> RowHashes:
    """Return what ``kernel`` computes; ``factors`` and ``shifts`` (uint32) give the MinHash permutations."""
    tokens = hash_tokens(batch)
    rows = len(batch)
    simhash, bag = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
    signatures = np.full((rows, len(factors)), 2**32 - 1, np.uint32)
    sketches = np.zeros((0 if len(factors) else rows, 2), np.uint64)
    for first, last in split_rows(tokens.offsets, _PART_BYTES // 64):
        begin, end = tokens.offsets[first], tokens.offsets[last]
        filled = np.flatnonzero(np.diff(tokens.offsets[first : last + 1]))
        if not len(filled):
            continue
        hashes, starts = tokens.hashes[begin:end], tokens.offsets[first:last][filled] - begin
        counts = np.diff(tokens.offsets)[first:last][filled]
        simhash[first + filled] = _vote(hashes, starts, counts)
        bag[first + filled] = np.add.reduceat(hashes, starts)
        for place in range(len(factors)):
            permuted = hashes.astype(np.uint32) * factors[place] + shifts[place]
            signatures[first + filled, place] = np.minimum.reduceat(permuted, starts)
        if not len(factors):
            sketches[first + filled] = sketch_rows(hashes, counts)
    counts, characters = np.diff(tokens.offsets), count_characters(batch)
    return RowHashes(simhash, bag, digest_rows(batch), counts, characters, signatures, sketches)


def hash_tokens(batch: TextBatch) -> Tokens:
    """Find and hash the tokens of every row; see ``tokens.hash_token``."""
    lowered, is_word = _mark_words(batch)
    data = np.concatenate([lowered.buffer, np.zeros(8, np.uint8)])
    begins, ends = _find_tokens(is_word, lowered.offsets)
    return Tokens(_hash(data, begins, ends), np.searchsorted(begins, lowered.offsets))


def digest_rows(batch: TextBatch) -> Words:
    """Return the digest of every row's bytes; 0 for an empty row."""
    sizes = np.diff(batch.offsets)
    counts = (sizes + 7) >> 3
    filled = np.flatnonzero(sizes)
    digest = np.zeros(len(batch), np.uint64)
    if not len(filled):
        return digest
    starts = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    data = np.concatenate([batch.buffer, np.zeros(8, np.uint8)])
    left = np.repeat(sizes, counts) - 8 * within
    values = _load(data, np.repeat(batch.offsets[:-1], counts) + 8 * within, left)
    mixed = values + (within + 1).astype(np.uint64) * _U(GOLDEN)
    mixed = (mixed ^ (mixed >> _U(32))) * _U(MIX_2)
    mixed = (mixed ^ (mixed >> _U(29))) * _U(MIX_1)
    mixed ^= mixed >> _U(32)
    total = np.add.reduceat(mixed, starts[:-1][filled]) + sizes[filled].astype(np.uint64) * _U(MIX_1)
    digest[filled] = (total ^ (total >> _U(29))) * _U(MIX_2)
    return digest


def count_characters(batch: TextBatch) -> Ints:
    """Return the length of every row in characters."""
    leads = np.concatenate([[0], np.cumsum((batch.buffer & 0xC0) != 0x80)])
    return np.asarray(np.diff(leads[batch.offsets]), np.int64)


def split_rows(offsets: Ints, size: int) -> list[tuple[int, int]]:
    """Return ranges of whole rows of about ``size`` items each; one row is never split."""
    parts, first, rows = [], 0, len(offsets) - 1
    while first < rows:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        last = min(max(last, first + 1), rows)
        parts.append((first, last))
        first = last
    return parts


def _mark_words(batch: TextBatch) -> tuple[TextBatch, Bits]:
    """Return the rows lower-cased, and which of their bytes belong to tokens."""
    classes = load_characters().classes
    if not (batch.buffer & 0x80).any():
        upper = (batch.buffer >= 65) & (batch.buffer <= 90)
        lowered = TextBatch(batch.buffer | (upper.astype(np.uint8) << np.uint8(5)), batch.offsets)
        return lowered, (classes[lowered.buffer] & WORD).astype(bool)
    lowered = TextBatch.from_texts([text.lower() for text in batch])
    text = lowered.buffer.tobytes().decode("utf-8", "surrogatepass")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = classes[np.minimum(codes, len(classes) - 1)]
    kinds[codes >= len(classes)] = 0
    sizes = 1 + (codes >= 0x80).astype(np.int8) + (codes >= 0x800) + (codes >= 0x1_0000)
    return lowered, np.repeat((kinds & WORD).astype(bool), sizes)


def _find_tokens(is_word: Bits, offsets: Ints) -> tuple[Ints, Ints]:
    """Return where tokens begin and end; one that reaches the end of its row ends there."""
    edge = np.zeros(len(is_word) + 1, bool)
    edge[1:-1] = is_word[1:] != is_word[:-1]
    edge[offsets] = True
    places = np.flatnonzero(edge)
    inside = is_word[places[:-1]]
    return places[:-1][inside], places[1:][inside]


def _hash(data: Words, begins: Ints, ends: Ints) -> Words:
    sizes = ends - begins
    value = sizes.astype(np.uint64) * _U(MIX_2)
    longest = min(int(sizes.max(initial=0)), _LONG_TOKEN)
    for start in range(0, max(longest, 8 * LEAST_WORDS), 8):
        rows = np.flatnonzero(sizes > start) if start >= 8 * LEAST_WORDS else np.arange(len(sizes))
        mixed = (value[rows] ^ _load(data, begins[rows] + start, sizes[rows] - start)) * _U(GOLDEN)
        value[rows] = mixed ^ (mixed >> _U(32))
    value *= _U(MIX_1)
    value ^= value >> _U(29)
    value *= _U(MIX_2)
    value ^= value >> _U(32)
    for token in np.flatnonzero(sizes > _LONG_TOKEN).tolist():
        value[token] = hash_bytes(data[begins[token] : ends[token]].tobytes())
    return value


def _load(data: Words, places: Ints, left: Ints) -> Words:
    """Return the 8 bytes from every place on, zero beyond the first ``left``."""
    unaligned = np.ndarray((max(len(data) - 7, 0),), "<u8", data, strides=(1,))
    known = np.clip(left, 0, 8).astype(np.uint64)
    words = unaligned[np.minimum(places, len(unaligned) - 1)].astype(np.uint64)
    return np.where(known == 8, words, words & ((_U(1) << (known % _U(8) * _U(8))) - _U(1)))


def _vote(hashes: Words, starts: Ints, counts: Ints) -> Words:
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
    votes = np.add.reduceat(bits, starts, axis=0, dtype=np.int32)
    majority = np.packbits(2 * votes > counts[:, None], axis=1, bitorder="little")
    return majority.view("<u8").reshape(-1).astype(np.uint64)
