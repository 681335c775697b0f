"""Text to tokens and tokens to 64-bit hashes: the definition that every tier of the audit computes.

A token is a match of ``\\w+`` in the lower-cased text. Its hash is taken over its UTF-8 bytes with nothing but 64-bit
multiplication and shifts, so that plain Python, numpy and compiled code give the same value on every machine.
"""

from __future__ import annotations

import re

MASK = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN = 0x9E37_79B9_7F4A_7C15
MIX_1 = 0xBF58_476D_1CE4_E5B9
MIX_2 = 0x94D0_49BB_1331_11EB
LEAST_WORDS = 2

_WORD = re.compile(r"\w+")


def tokenize(text: str) -> list[str]:
    """Return the tokens of ``text`` in order, repetitions included."""
    return _WORD.findall(text.lower())


def hash_token(token: str) -> int:
    """Return the 64-bit hash of one token.

    Its bytes are read as little-endian 64-bit words, zero-padded to at least ``LEAST_WORDS``: most words of most
    languages fit, and code without branches is what makes the compiled tier fast.
    """
    return hash_bytes(token.encode("utf-8", "surrogatepass"))


def hash_bytes(data: bytes) -> int:
    """Return the hash of a token given as its bytes."""
    value = len(data) * MIX_2 & MASK
    for start in range(0, max(len(data), 8 * LEAST_WORDS), 8):
        value = (value ^ int.from_bytes(data[start : start + 8], "little")) * GOLDEN & MASK
        value ^= value >> 32
    value = value * MIX_1 & MASK
    value ^= value >> 29
    value = value * MIX_2 & MASK
    return value ^ (value >> 32)


def scramble(value: int) -> int:
    """Return a well-mixed 64-bit number for ``value`` (the finaliser of splitmix64): reproducible randomness."""
    value = (value + GOLDEN) & MASK
    value = (value ^ (value >> 30)) * MIX_1 & MASK
    value = (value ^ (value >> 27)) * MIX_2 & MASK
    return value ^ (value >> 31)
