"""A seeded corpus of rows of about 1.3 KB, for timing the audit: English in its shape, not in its words.

Calibrated against natural English cut the same way: the commonest word is 6 % of all, two rows lie about 21 of 64 bits
apart, one word in eighty is a number. 2 % of the rows repeat an earlier one, 3 % repeat one but for a word, 1 % hold
personal data, 0.3 % a credential.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

WORDS_A_ROW = 212
_VOCABULARY = 30_000
_CHUNK = 2_000
_ONSETS = ("b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr", "pl", "ch", "sh", "")
_VOWELS = ("a", "e", "i", "o", "u", "ea", "io", "ou")
_ENDS = ("", "n", "r", "s", "t", "l", "d", "ng", "nt", "st")

_Chance = np.random.Generator


def make_texts(rows: int, seed: int = 1, *, numbers: float = 1 / 80) -> Iterator[str]:
    """Yield ``rows`` texts; equal arguments give equal texts, and more rows begin with the same.

    ``numbers`` is the share of words that are numbers.
    """
    chance = np.random.default_rng(seed)
    words = np.array(_make_vocabulary(np.random.default_rng(99)))
    ranks = 1 / (np.arange(_VOCABULARY) + 1.45)
    edges = np.cumsum(ranks / ranks.sum())
    recent: list[str] = []
    for first in range(0, rows, _CHUNK):
        drawn = words[np.minimum(np.searchsorted(edges, chance.random((_CHUNK, WORDS_A_ROW))), _VOCABULARY - 1)]
        is_number = chance.random((_CHUNK, WORDS_A_ROW)) < numbers
        fates = chance.random(_CHUNK)
        for place in range(_CHUNK):
            row = drawn[place].tolist()
            for at in np.flatnonzero(is_number[place]):
                row[at] = _number(chance)
            text = _with_planted(_punctuate(row, chance), fates[place], recent, chance)
            recent.append(text)
            if first + place < rows:
                yield text
        del recent[:-_CHUNK]


def write_corpus(path: Path, rows: int, seed: int = 1) -> Path:
    """Write the texts as JSONL with a ``text`` column, unless the file is there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            for text in make_texts(rows, seed):
                file.write(json.dumps({"text": text}) + "\n")
        part.rename(path)
    return path


def _make_vocabulary(chance: _Chance) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < _VOCABULARY:
        # Frequent words are short.
        syllables = (
            1 if len(words) < 150 else int(chance.integers(1, 3)) if len(words) < 2000 else int(chance.integers(2, 4))
        )
        parts = [_pick(chance, _ONSETS) + _pick(chance, _VOWELS) for _ in range(syllables)]
        words["".join(parts) + _pick(chance, _ENDS)] = None
    return list(words)


def _punctuate(words: list[str], chance: _Chance) -> str:
    lengths = chance.integers(8, 22, size=len(words) // 8 + 1)
    sentences, at = [], 0
    for length in lengths.tolist():
        part = words[at : at + length]
        if not part:
            break
        if length > 14:
            part[length // 2 - 1 : length // 2] = [f"{word}," for word in part[length // 2 - 1 : length // 2]]
        sentences.append(" ".join(part).capitalize() + ".")
        at += length
    breaks = chance.random(len(sentences)) < 0.2
    return "".join(
        sentence + ("\n\n" if is_last else " ") for sentence, is_last in zip(sentences, breaks, strict=True)
    ).rstrip()


def _with_planted(text: str, fate: float, recent: list[str], chance: _Chance) -> str:
    """Put in place of the text, or into it, what one row in so many holds."""
    if recent and fate < 0.05:
        earlier = recent[int(chance.integers(len(recent)))]
        if fate < 0.02:
            return earlier
        words = earlier.split(" ")
        words[int(chance.integers(len(words)))] = "changed"
        return " ".join(words)
    if fate < 0.06:
        return _plant(text, _PERSONAL, chance)
    if fate < 0.063:
        return _plant(text, _SECRETS, chance)
    return text


def _plant(text: str, kinds: tuple[Callable[[_Chance], str], ...], chance: _Chance) -> str:
    words = text.split(" ")
    words.insert(int(chance.integers(len(words))), kinds[int(chance.integers(len(kinds)))](chance))
    return " ".join(words)


def _number(chance: _Chance) -> str:
    shape = int(chance.integers(5))
    if shape == 0:
        return str(int(chance.integers(1900, 2030)))
    if shape == 1:
        return f"{chance.random() * 100:.1f}"
    if shape == 2:
        return f"{int(chance.integers(1_000, 2_000_000)):,}"
    return str(int(chance.integers(1, 100)))


def _pick(chance: _Chance, choices: tuple[str, ...]) -> str:
    return choices[int(chance.integers(len(choices)))]


def _characters(chance: _Chance, alphabet: str, size: int) -> str:
    return "".join(alphabet[place] for place in chance.integers(len(alphabet), size=size))


def _email(chance: _Chance) -> str:
    return f"{_characters(chance, 'abcdefghij', 8)}@{_characters(chance, 'klmnopqrst', 7)}.example"


def _phone(chance: _Chance) -> str:
    return f"+49 30 {_characters(chance, '123456789', 7)}"


def _card(chance: _Chance) -> str:
    digits = "4" + _characters(chance, "0123456789", 14)
    doubled = sum(int(digit) * 2 - 9 * (int(digit) > 4) for digit in digits[::2]) + sum(map(int, digits[1::2]))
    return digits + str(-doubled % 10)


def _iban(chance: _Chance) -> str:
    account = _characters(chance, "0123456789", 18)
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _ssn(chance: _Chance) -> str:
    return f"{int(chance.integers(100, 660))}-{int(chance.integers(10, 99))}-{int(chance.integers(1000, 9999))}"


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PERSONAL = (_email, _email, _phone, _card, _iban, _ssn)
_SECRETS: tuple[Callable[[_Chance], str], ...] = (
    lambda chance: "AK" + "IA" + _characters(chance, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    lambda chance: "gh" + "p_" + _characters(chance, _LETTERS, 36),
    lambda chance: "AI" + "za" + _characters(chance, _LETTERS, 35),
    lambda chance: "xo" + "xb-" + _characters(chance, "0123456789", 24),
)
