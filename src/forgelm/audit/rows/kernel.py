"""The fused pass over the text of many rows: tokens, SimHash, MinHash and digests, compiled.

A row is read 8 bytes at a time; what every byte is becomes one bit in a mask, and tokens are found by counting zeros
in masks: the branches of a loop over characters are what would cost.
"""

from __future__ import annotations

from typing import NamedTuple

from forgelm.audit.rows.arrays import Bytes, Ints, Words, Words32, np
from forgelm.audit.rows.bits import (
    GOLDEN,
    HIGH,
    MIX_1,
    MIX_2,
    count_bits,
    in_range,
    load_word,
    pack,
    to_int,
    trailing_zeros,
)
from forgelm.audit.rows.characters import CASED, HARD, WORD, Characters
from forgelm.audit.rows.compiling import compiled, inner
from forgelm.audit.rows.sketch_kernel import add_distinct, write_sketch

CHUNK_BLOCKS = 64

_U = np.uint64
_0, _1, _2, _3, _8, _16, _29, _32, _63 = (_U(number) for number in (0, 1, 2, 3, 8, 16, 29, 32, 63))
_A, _Z, _CASE, _DIGIT_0, _DIGIT_9, _UNDERSCORE = (_U(ord(c)) for c in "az 09_")
_CASES = _CASE * _U(0x0101_0101_0101_0101)
# Which bytes of a token's first and second word belong to it, by its length.
FIRST_BYTES = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(17)], np.uint64)
_SECOND = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(17)], np.uint64)


class Scratch(NamedTuple):
    """Memory for one row at a time. ``low_bytes`` and ``word_blocks`` are views of ``low`` and ``word``."""

    low: Words
    low_bytes: Bytes
    word: Bytes
    word_blocks: Words
    places: Words
    hashes: Words
    planes: Words
    table: Words
    sketch: Words


class Row(NamedTuple):
    """Where a row stands: its first byte in the batch, its length, and how many words it fills."""

    start: int
    size: int
    word_count: int


class Output(NamedTuple):
    """What is known of every row: ``hashes`` holds SimHash, bag of tokens and digest, ``counts`` tokens and characters.

    ``hard`` marks rows that must be lower-cased as a whole and measured again; only digest and counts hold for them.
    ``signatures`` has a row of ``len(factors)`` values for each, ``sketches`` one of two; without rows neither is made.
    """

    hashes: Words
    counts: Ints
    hard: Bytes
    signatures: Words32
    sketches: Words


class Permutations(NamedTuple):
    """MinHash's functions: ``factors[i] * x + shifts[i]`` modulo 2**32."""

    factors: Words32
    shifts: Words32


@compiled
def measure_rows(
    words: Words, offsets: Ints, characters: Characters, permutations: Permutations, scratch: Scratch, output: Output
) -> None:
    """Measure every row of a batch whose bytes start in ``words``, which is two words longer than they are."""
    for index in range(len(offsets) - 1):
        size = offsets[index + 1] - offsets[index]
        if size == 0:
            continue
        row = Row(offsets[index], size, (size + 7) >> 3)
        digest, high = read_words(words, row, scratch)
        clear_after(row, scratch)
        output.hashes[index, 2] = digest
        output.counts[index, 1] = size
        if high != _0:
            continuing = read_other_characters(row, scratch, characters)
            if continuing < 0:
                output.hard[index] = 1
                continue
            output.counts[index, 1] = size - continuing
        vote(row, permutations, scratch, output, index)


@compiled
def collect_tokens(
    words: Words, offsets: Ints, characters: Characters, scratch: Scratch, hashes: Words, ends: Ints, hard: Bytes
) -> None:
    """Fill ``hashes`` with the token hashes of every row, one row after another, and ``ends`` with where each ends."""
    end = 0
    for index in range(len(offsets) - 1):
        size = offsets[index + 1] - offsets[index]
        if size > 0:
            row = Row(offsets[index], size, (size + 7) >> 3)
            _, high = read_words(words, row, scratch)
            clear_after(row, scratch)
            if high != _0 and read_other_characters(row, scratch, characters) < 0:
                hard[index] = 1
            else:
                end += copy_hashes(row, scratch, hashes[end:])
        ends[index] = end


@inner
def copy_hashes(row: Row, scratch: Scratch, hashes: Words) -> int:
    blocks, tokens, carry = (row.word_count >> 3) + 1, 0, _0
    for block in range(0, blocks, CHUNK_BLOCKS):
        first = 1 if carry == _0 else 0
        after, carry = find_edges(scratch.word_blocks, block, min(block + CHUNK_BLOCKS, blocks), carry, scratch.places)
        count = (after - first) >> 1
        hash_tokens(scratch.low, scratch.places[first:], count, hashes[tokens:])
        scratch.places[0] = scratch.places[after - 1]
        tokens += count
    return tokens


@inner
def vote(row: Row, permutations: Permutations, scratch: Scratch, output: Output, index: int) -> None:
    """Find and hash the tokens of a row that was read, and sum them up; in chunks, so that no row is too long."""
    places, hashes = scratch.places, scratch.hashes
    scratch.planes[:] = _0
    scratch.table[:] = _0
    scratch.sketch[:] = _0
    blocks, tokens, bag, carry = (row.word_count >> 3) + 1, 0, _0, _0
    for first_block in range(0, blocks, CHUNK_BLOCKS):
        first = 1 if carry == _0 else 0
        after, carry = find_edges(
            scratch.word_blocks, first_block, min(first_block + CHUNK_BLOCKS, blocks), carry, places
        )
        count = (after - first) >> 1
        hash_tokens(scratch.low, places[first:], count, hashes)
        places[0] = places[after - 1]
        for number in range(count):
            bag += hashes[number]
        add_votes(scratch.planes, hashes, count)
        if len(output.sketches) > 0:
            add_distinct(scratch.table, hashes, count, scratch.sketch)
        if len(permutations.factors) > 0:
            lower_signature(output.signatures[index], permutations, hashes, count)
        tokens += count
    output.hashes[index, 0] = count_majority(scratch.planes, tokens)
    output.hashes[index, 1] = bag
    output.counts[index, 0] = tokens
    if len(output.sketches) > 0:
        write_sketch(scratch.sketch, output.sketches[index])


@inner
def read_words(words: Words, row: Row, scratch: Scratch) -> tuple[np.uint64, np.uint64]:
    """Fill ``low`` with the row, ASCII letters lower-cased, and ``word``; return its digest and its high bits."""
    low, word = scratch.low, scratch.word
    start, last = _U(row.start), _U(row.word_count - 1)
    digest, high = _U(row.size) * MIX_1, _0
    for index in range(last):
        value = load_word(words, start + (index << _3))
        high |= value
        digest += mix_word(value, index)
        low[index], word[index] = read_word(value)
    value = load_word(words, start + (last << _3)) & FIRST_BYTES[_U(row.size) - (last << _3)]
    high |= value
    digest += mix_word(value, last)
    low[last], word[last] = read_word(value)
    digest ^= digest >> _29
    return digest * MIX_2, high & HIGH


@inner
def mix_word(value: np.uint64, index: np.uint64 | int) -> np.uint64:
    """Return 64 bits for a word and its place. Sums of them tell texts apart only if every bit moves all others."""
    mixed = value + (_U(index) + _1) * GOLDEN
    mixed = (mixed ^ (mixed >> _32)) * MIX_2
    mixed = (mixed ^ (mixed >> _29)) * MIX_1
    return mixed ^ (mixed >> _32)


@inner
def read_word(value: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return 8 bytes with their ASCII letters lower-cased, and which of them belong to tokens."""
    letter = in_range(value | _CASES, _A, _Z)
    word = letter | in_range(value, _DIGIT_0, _DIGIT_9) | in_range(value, _UNDERSCORE, _UNDERSCORE)
    return value | (letter >> _2), pack(word)


@inner
def clear_after(row: Row, scratch: Scratch) -> None:
    """Zero what a longer row before this one left behind it, as far as loads and masks reach."""
    for index in range(row.word_count, row.word_count + 3):
        scratch.low[index] = _0
    for index in range(row.word_count, (row.word_count + 16) & ~7):
        scratch.word[index] = 0


@inner
def read_other_characters(row: Row, scratch: Scratch, characters: Characters) -> int:
    """Lower-case and mark the characters beyond ASCII; return how many bytes continue one, or -1 for a hard row."""
    low, continuing = scratch.low, 0
    for index in range(row.word_count):
        high = low[index] & HIGH
        if high == _0:
            continue
        leads = high & (low[index] << _1)
        continuing += count_bits(high ^ leads)
        while leads != _0:
            place = index * 8 + (trailing_zeros(leads) >> 3)
            leads &= leads - _1
            code, size = decode(scratch.low_bytes, place)
            if code >= len(characters.classes) or place + size > row.size:
                continue
            kind = characters.classes[code]
            if kind & HARD:
                return -1
            if kind & CASED:
                encode(scratch.low_bytes, place, characters.lower[code], size)
            if kind & WORD:
                mark(scratch.word, place, size)
    return continuing


@inner
def decode(data: Bytes, place: int) -> tuple[int, int]:
    """Return the character whose first byte stands at ``place``, and its length in bytes."""
    first = to_int(data[place])
    second = to_int(data[place + 1]) & 63
    if first < 0xE0:
        return ((first & 31) << 6) | second, 2
    third = to_int(data[place + 2]) & 63
    if first < 0xF0:
        return ((first & 15) << 12) | (second << 6) | third, 3
    return ((first & 7) << 18) | (second << 12) | (third << 6) | (to_int(data[place + 3]) & 63), 4


@inner
def encode(data: Bytes, place: int, code: int, size: int) -> None:
    """Write a character beyond ASCII over one of the same length."""
    for index in range(size - 1, 0, -1):
        data[place + index] = 0x80 | (code & 63)
        code >>= 6
    data[place] = code | (0xC0, 0xE0, 0xF0)[size - 2]


@inner
def mark(mask: Bytes, place: int, size: int) -> None:
    """Set the bits of ``size`` bytes, at most 4."""
    bits = ((1 << size) - 1) << (place & 7)
    mask[place >> 3] |= bits & 255
    mask[(place >> 3) + 1] |= bits >> 8


@inner
def find_edges(blocks: Words, first: int, last: int, carry: np.uint64, places: Words) -> tuple[int, np.uint64]:
    """Append to ``places[1:]`` where tokens begin and end, in turn, within the blocks; return how many, and carry."""
    count = 1
    for block in range(first, last):
        bits = blocks[block]
        edges = bits ^ ((bits << _1) | carry)
        carry = bits >> _63
        after = count + count_bits(edges)
        while count < after:
            # A fixed number of steps, the last ones for nothing, is cheaper than a loop whose end is a surprise.
            for step in range(8):
                places[count + step] = _U(block * 64 + trailing_zeros(edges))
                edges &= edges - _1
            count += 8
        count = after
    return count, carry


@inner
def hash_tokens(low: Words, places: Words, count: int, hashes: Words) -> None:
    """Hash ``count`` tokens whose begins and ends stand in ``places``; see ``tokens.hash_token``."""
    longest = _0
    for index in range(_U(count)):
        begin = places[_2 * index]
        size = places[_2 * index + _1] - begin
        longest = max(longest, size)
        known = min(size, _16)
        value = (_U(size) * MIX_2 ^ (load_word(low, begin) & FIRST_BYTES[known])) * GOLDEN
        value ^= value >> _32
        value = (value ^ (load_word(low, begin + _8) & _SECOND[known])) * GOLDEN
        hashes[index] = finish(value ^ (value >> _32))
    if longest > _16:
        for number in range(count):
            if places[2 * number + 1] - places[2 * number] > _16:
                hashes[number] = hash_long_token(low, places[2 * number], places[2 * number + 1])


@inner
def hash_long_token(low: Words, begin: np.uint64, end: np.uint64) -> np.uint64:
    value = (end - begin) * MIX_2
    while begin < end:
        value = (value ^ (load_word(low, begin) & FIRST_BYTES[min(end - begin, _8)])) * GOLDEN
        value ^= value >> _32
        begin += _8
    return finish(value)


@inner
def finish(value: np.uint64) -> np.uint64:
    value *= MIX_1
    value ^= value >> _29
    value *= MIX_2
    return value ^ (value >> _32)


@inner
def add_votes(planes: Words, hashes: Words, count: int) -> None:
    """Add ``count`` hashes to 64 counters, kept bit-sliced: ``planes[k]`` holds bit ``k`` of all of them."""
    whole = count & ~3
    ones, twos = planes[0], planes[1]
    for index in range(0, whole, 4):
        half = ones ^ hashes[index]
        first = (ones & hashes[index]) | (half & hashes[index + 1])
        ones = half ^ hashes[index + 1]
        half = ones ^ hashes[index + 2]
        second = (ones & hashes[index + 2]) | (half & hashes[index + 3])
        ones = half ^ hashes[index + 3]
        half = twos ^ first
        fours = (twos & first) | (half & second)
        twos = half ^ second
        carry_up(planes, 2, fours)
    planes[0], planes[1] = ones, twos
    for index in range(whole, count):
        carry_up(planes, 0, hashes[index])


@inner
def carry_up(planes: Words, plane: int, carry: np.uint64) -> None:
    while carry != _0:
        both = planes[plane] & carry
        planes[plane] ^= carry
        carry = both
        plane += 1


@inner
def count_majority(planes: Words, tokens: int) -> np.uint64:
    """Return the bits whose counter is above half of ``tokens``."""
    least = tokens // 2 + 1
    above, equal = _0, ~_0
    for plane in range(len(planes) - 1, -1, -1):
        if (least >> plane) & 1:
            equal &= planes[plane]
        else:
            above |= equal & planes[plane]
            equal &= ~planes[plane]
    return above | equal


@inner
def lower_signature(signature: Words32, permutations: Permutations, hashes: Words, count: int) -> None:
    """Lower every value of a MinHash signature to the least of its permutation over the hashes."""
    factors, shifts = permutations
    last = count - 1
    for index in range(0, count, 4):
        # Four at a time, the last one repeated, so that a permutation is loaded once for all of them.
        first, second = np.uint32(hashes[index]), np.uint32(hashes[min(index + 1, last)])
        third, fourth = np.uint32(hashes[min(index + 2, last)]), np.uint32(hashes[min(index + 3, last)])
        for place in range(_U(len(factors))):
            factor, shift = factors[place], shifts[place]
            least = min(permute(first, factor, shift), permute(second, factor, shift))
            other = min(permute(third, factor, shift), permute(fourth, factor, shift))
            signature[place] = min(signature[place], least, other)


@inner
def permute(value: np.uint32, factor: np.uint32, shift: np.uint32) -> np.uint32:
    return np.uint32(np.uint32(factor * value) + shift)
