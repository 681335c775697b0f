"""The quality flags of many rows at once, compiled: what ``quality.judge_text`` says, at the speed of a scan.

Rows that hold a run of three backticks or tildes may hold fenced code and are left to ``judge_text``.
"""

from __future__ import annotations

from typing import NamedTuple

from forgelm.audit.rows.arrays import Bytes, Ints, Words, np
from forgelm.audit.rows.bits import (
    HIGH,
    count_bits,
    count_marks,
    in_range,
    load_word,
    pack,
    sort_words,
    to_int,
    trailing_zeros,
)
from forgelm.audit.rows.characters import ALPHA, BREAK, ENDING, SPACE, WORD, Characters
from forgelm.audit.rows.compiling import compiled, inner
from forgelm.audit.rows.kernel import FIRST_BYTES, Row, decode, mark, mix_word
from forgelm.audit.rows.quality import Quality

FENCED = 128

_U = np.uint64
_0, _1, _3, _7, _29, _63 = (_U(number) for number in (0, 1, 3, 7, 29, 63))
_A, _Z, _CASE, _DIGIT_0, _DIGIT_9, _UNDERSCORE, _QUOTE, _TICK, _TILDE = (_U(ord(c)) for c in "az 09_'`~")
_CASES = _CASE * _U(0x0101_0101_0101_0101)
_TAB, _CR, _FS, _RS = _U(0x09), _U(0x0D), _U(0x1C), _U(0x1E)
_LF, _BLANK = _U(0x0A), _U(0x20)
_EVALUATED, _LETTERS = int(Quality.EVALUATED), int(Quality.LOW_ALPHA_RATIO)
_ENDINGS, _MEAN = int(Quality.LOW_PUNCT_ENDINGS), int(Quality.ABNORMAL_MEAN_WORD_LENGTH)
_SHORT, _REPEATED = int(Quality.SHORT_PARAGRAPHS), int(Quality.REPEATED_LINES)


class Masks(NamedTuple):
    """One bit a byte of the row: part of a word, apostrophe, line break; begin of a word. ``..._blocks`` are views."""

    word: Bytes
    quote: Bytes
    line_break: Bytes
    word_blocks: Words
    quote_blocks: Words
    break_blocks: Words
    begins: Words


class Sizes(NamedTuple):
    """Counts of characters: all, letters, spaces, in words; and of words."""

    characters: int
    letters: int
    spaces: int
    in_words: int
    words: int


@compiled
def judge_rows(words: Words, data: Bytes, offsets: Ints, characters: Characters, masks: Masks, flags: Bytes) -> None:
    """Fill ``flags`` with the ``Quality`` of every row, or ``FENCED`` for those that must be judged one by one."""
    for index in range(len(offsets) - 1):
        size = offsets[index + 1] - offsets[index]
        if size == 0:
            continue
        row = Row(offsets[index], size, (size + 7) >> 3)
        letters, spaces, high, fences = _mark_ascii(words, row, masks)
        if fences != _0 and _has_fence(data, row):
            flags[index] = FENCED
            continue
        continuing, in_words, more_letters, more_spaces = 0, 0, 0, 0
        if high != _0:
            continuing, in_words, more_letters, more_spaces = _mark_others(words, data, row, characters, masks)
        count, word_bytes = _find_words(data, row, masks)
        sizes = Sizes(size - continuing, letters + more_letters, spaces + more_spaces, word_bytes - in_words, count)
        flags[index] = _judge(words, data, row, characters, masks, sizes)


@inner
def _mark_ascii(words: Words, row: Row, masks: Masks) -> tuple[int, int, np.uint64, np.uint64]:
    word, quote, line_break = masks.word, masks.quote, masks.line_break
    start, last = _U(row.start), _U(row.word_count - 1)
    letters, spaces, high, fences = _0, _0, _0, _0
    for index in range(_U(row.word_count)):
        value = load_word(words, start + (index << _3))
        if index == last:
            value &= FIRST_BYTES[_U(row.size) - (last << _3)]
        letter = in_range(value | _CASES, _A, _Z)
        blank = in_range(value, _TAB, _CR) | in_range(value, _FS, _BLANK)
        letters += count_marks(letter)
        spaces += count_marks(blank)
        high |= value
        fences |= in_range(value, _TICK, _TICK) | in_range(value, _TILDE, _TILDE)
        word[index] = pack(letter | in_range(value, _DIGIT_0, _DIGIT_9) | in_range(value, _UNDERSCORE, _UNDERSCORE))
        quote[index] = pack(in_range(value, _QUOTE, _QUOTE))
        line_break[index] = pack(in_range(value, _LF, _CR) | in_range(value, _FS, _RS))
    for index in range(_U(row.word_count), _U((row.word_count + 16) & ~7)):
        word[index] = quote[index] = line_break[index] = 0
    return to_int(letters), to_int(spaces), high & HIGH, fences


@inner
def _has_fence(data: Bytes, row: Row) -> bool:
    for place in range(row.start, row.start + row.size - 2):
        first = data[place]
        if first in (96, 126) and data[place + 1] == first and data[place + 2] == first:
            return True
    return False


@inner
def _mark_others(
    words: Words, data: Bytes, row: Row, characters: Characters, masks: Masks
) -> tuple[int, int, int, int]:
    """Mark the characters beyond ASCII; return their further bytes, those of them in words, letters and spaces."""
    continuing, in_words, letters, spaces = 0, 0, 0, 0
    for index in range(row.word_count):
        value = load_word(words, _U(row.start + 8 * index))
        if index == row.word_count - 1:
            value &= FIRST_BYTES[row.size - 8 * index]
        high = value & HIGH
        leads = high & (value << _1)
        continuing += count_bits(high ^ leads)
        while leads != _0:
            place = index * 8 + (trailing_zeros(leads) >> 3)
            leads &= leads - _1
            code, size = decode(data, row.start + place)
            if code >= len(characters.classes) or place + size > row.size:
                continue
            kind = characters.classes[code]
            letters += (kind & ALPHA) != 0
            if kind & WORD:
                in_words += size - 1
                mark(masks.word, place, size)
            elif kind & SPACE:
                spaces += 1
                if kind & BREAK:
                    mark(masks.line_break, place, 1)
    return continuing, in_words, letters, spaces


@inner
def _find_words(data: Bytes, row: Row, masks: Masks) -> tuple[int, int]:
    """Mark where words begin; return how many there are and how many bytes they have, apostrophes inside included."""
    words, quotes, begins = masks.word_blocks, masks.quote_blocks, masks.begins
    carry, quoted, count, size, any_joined = _0, _0, 0, 0, _0
    for block in range(_U((row.word_count >> 3) + 1)):
        bits = words[block]
        begin = bits & ~((bits << _1) | carry)
        begins[block] = begin
        count += count_bits(begin)
        size += count_bits(bits)
        any_joined |= begin & ((quotes[block] << _1) | quoted)
        carry, quoted = bits >> _63, quotes[block] >> _63
    if any_joined == _0:
        return count, size
    more, fewer = _join_words(data, row, masks)
    return count - fewer, size + more


@inner
def _join_words(data: Bytes, row: Row, masks: Masks) -> tuple[int, int]:
    """Undo begins behind apostrophes that stand between two parts of a word; return their bytes and how many."""
    more, fewer, quoted = 0, 0, _0
    for block in range((row.word_count >> 3) + 1):
        joined = masks.begins[block] & ((masks.quote_blocks[block] << _1) | quoted)
        quoted = masks.quote_blocks[block] >> _63
        while joined != _0:
            begin = block * 64 + trailing_zeros(joined)
            before = begin
            while before > 0 and data[row.start + before - 1] == 39:
                before -= 1
            if before > 0 and _is_set(masks.word, before - 1):
                masks.begins[block] &= ~(_1 << _U(begin & 63))
                fewer += 1
                more += begin - before
            joined &= joined - _1
    return more, fewer


@inner
def _is_set(mask: Bytes, place: int) -> bool:
    return bool((mask[place >> 3] >> (place & 7)) & 1)


@inner
def _judge(words: Words, data: Bytes, row: Row, characters: Characters, masks: Masks, sizes: Sizes) -> int:
    solid = sizes.characters - sizes.spaces
    if solid == 0:
        return 0
    if sizes.words == 0:
        return _EVALUATED | _LETTERS
    found = _EVALUATED | _judge_lines(words, data, row, characters, masks)
    if 10 * sizes.letters < 7 * solid:
        found |= _LETTERS
    if sizes.in_words < 3 * sizes.words or sizes.in_words > 12 * sizes.words:
        found |= _MEAN
    return found


@inner
def _judge_lines(words: Words, data: Bytes, row: Row, characters: Characters, masks: Masks) -> int:
    breaks = 0
    for block in range((row.word_count >> 3) + 1):
        breaks += count_bits(masks.break_blocks[block])
    keys = np.empty(breaks + 1, np.uint64)
    lines, endings, paragraphs, short, words_here, begin, is_open = 0, 0, 0, 0, 0, 0, False
    while begin < row.size:
        end = _find_break(masks, begin, row.size)
        solid_end = _strip_end(data, row.start + begin, row.start + end, characters)
        if solid_end > row.start + begin:
            if breaks > 1:
                keys[lines] = _digest(words, row.start + begin, row.start + end)
            lines += 1
            endings += _is_ending(data, solid_end, characters)
            words_here += _count_begins(masks, begin, end)
            is_open = True
        elif is_open:
            paragraphs += 1
            short += words_here < 5
            words_here, is_open = 0, False
        begin = _skip_break(data, row, end)
    if is_open:
        paragraphs += 1
        short += words_here < 5
    found = _REPEATED if lines >= 3 and _are_repeated(keys[:lines]) else 0
    found |= _ENDINGS if 2 * endings < lines else 0
    return found | (_SHORT if 2 * short > paragraphs else 0)


@inner
def _find_break(masks: Masks, begin: int, size: int) -> int:
    block = begin >> 6
    bits = masks.break_blocks[block] & (~_0 << _U(begin & 63))
    while bits == _0:
        block += 1
        if block * 64 >= size:
            return size
        bits = masks.break_blocks[block]
    return block * 64 + trailing_zeros(bits)


@inner
def _skip_break(data: Bytes, row: Row, end: int) -> int:
    """Return where the line behind the break at ``end`` begins."""
    if end >= row.size:
        return end
    first = data[row.start + end]
    if first == 13 and end + 1 < row.size and data[row.start + end + 1] == 10:
        return end + 2
    return end + (1 if first < 0x80 else (2 if first < 0xE0 else 3))


@inner
def _strip_end(data: Bytes, begin: int, end: int, characters: Characters) -> int:
    """Return where ``data[begin:end]`` ends without the white space at its end."""
    while end > begin:
        last = _last_character(data, end)
        code = to_int(data[last]) if data[last] < 0x80 else decode(data, last)[0]
        if code >= len(characters.classes) or characters.classes[code] & SPACE == 0:
            break
        end = last
    return end


@inner
def _last_character(data: Bytes, end: int) -> int:
    """Return where the character that ends at ``end`` begins."""
    last = end - 1
    while last > end - 4 and last > 0 and (data[last] & 0xC0) == 0x80:
        last -= 1
    return last


@inner
def _is_ending(data: Bytes, end: int, characters: Characters) -> bool:
    last = _last_character(data, end)
    code = to_int(data[last]) if data[last] < 0x80 else decode(data, last)[0]
    return bool(code < len(characters.classes) and characters.classes[code] & ENDING)


@inner
def _count_begins(masks: Masks, begin: int, end: int) -> int:
    first, last, count = begin >> 6, end >> 6, 0
    for block in range(first, last + 1):
        bits = masks.begins[block]
        if block == first:
            bits &= ~_0 << _U(begin & 63)
        if block == last:
            bits &= (_1 << _U(end & 63)) - _1
        count += count_bits(bits)
    return count


@inner
def _digest(words: Words, begin: int, end: int) -> np.uint64:
    start, size = _U(begin), _U(end - begin)
    whole = size >> _3
    digest = size
    for index in range(whole):
        digest += mix_word(load_word(words, start + (index << _3)), index)
    digest += mix_word(load_word(words, start + (whole << _3)) & FIRST_BYTES[size & _7], whole)
    return digest ^ (digest >> _29)


@inner
def _are_repeated(keys: Words) -> bool:
    """Whether the three lines that occur most often, twice or more, are above 30 % of all."""
    sort_words(keys)
    first, second, third, run = 0, 0, 0, 1
    for index in range(1, len(keys) + 1):
        if index < len(keys) and keys[index] == keys[index - 1]:
            run += 1
            continue
        if run > 1:
            third = max(third, min(second, run))
            second = max(second, min(first, run))
            first = max(first, run)
        run = 1
    return 10 * (first + second + third) > 3 * len(keys)
