"""One text to its 64-bit SimHash: texts that share most of their words differ in few bits."""

from __future__ import annotations

from collections import Counter

from forgelm.audit.rows.tokens import hash_token, tokenize

DEFAULT_NEAR_DUP_HAMMING = 3

# Every bit of a hash gets a lane of this many bits in one large number, so that one addition adds 64 counters.
_LANE = 40
_SPREAD = tuple(sum(1 << (_LANE * bit) for bit in range(8) if byte >> bit & 1) for byte in range(256))


def compute_simhash(text: str) -> int:
    """Return the 64-bit SimHash of ``text``; 0 for a text without a word.

    Every token votes on every bit with its hash, as often as it occurs; a bit is set when its score is above zero.
    """
    votes = Counter(tokenize(text))
    total = votes.total()
    counts = sum(count * _spread(hash_token(token)) for token, count in votes.items())
    lane = (1 << _LANE) - 1
    return sum(1 << bit for bit in range(64) if 2 * (counts >> (_LANE * bit) & lane) > total)


def hamming_distance(a: int, b: int) -> int:
    """Return in how many bits two fingerprints differ."""
    return (a ^ b).bit_count()


def _spread(value: int) -> int:
    return sum(_SPREAD[byte] << (8 * _LANE * place) for place, byte in enumerate(value.to_bytes(8, "little")))
