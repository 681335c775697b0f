"""A stated sample of rows to the languages they are in, with the error that comes from looking at a sample only."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from forgelm.audit.identify import Identify
from forgelm.audit.rows.arrays import Ints, TextBatch, Words, np
from forgelm.audit.rows.tokens import GOLDEN, MIX_1, MIX_2

UNKNOWN = "unknown"
DEFAULT_SAMPLE_ROWS = 1000

_LEAST_CHARACTERS = 20
_MOST_CHARACTERS = 512
_CERTAINTY = 1.96  # standard errors on each side of a 95 % interval


class SampledRow(NamedTuple):
    """A row of the sample; those with the lowest ``rank`` of all rows are in it."""

    rank: int
    row: int
    text: str


@dataclass(frozen=True)
class LanguageSample:
    """A random sample of the rows of a split that comes out the same however the rows are divided and merged.

    ``size`` is how many rows it may hold, ``None`` for all; ``rows`` how many were offered.
    """

    size: int | None = DEFAULT_SAMPLE_ROWS
    rows: int = 0
    chosen: tuple[SampledRow, ...] = field(default=(), repr=False)

    def add(self, batch: TextBatch, first: int) -> LanguageSample:
        """Return the sample after offering rows ``first`` and following; only the beginnings of texts are kept."""
        ranks = _rank(np.arange(first, first + len(batch), dtype=np.uint64))
        offered = np.arange(len(batch))
        if self.size is not None:
            offered = np.argsort(ranks, kind="stable")[: self.size]
            if len(self.chosen) == self.size:
                offered = offered[ranks[offered] < self.chosen[-1].rank]
        texts = _begin(batch, offered)
        taken = map(SampledRow, ranks[offered].tolist(), (first + offered).tolist(), texts)
        return LanguageSample(self.size, self.rows + len(batch), _lowest([*self.chosen, *taken], self.size))

    def merge(self, other: LanguageSample) -> LanguageSample:
        """Return the sample of the rows of both; the sizes must be the same."""
        theirs: Sequence[SampledRow] = other.chosen
        if self.size is not None and len(self.chosen) == self.size:
            theirs = theirs[: bisect_right(theirs, self.chosen[-1].rank, key=lambda row: row.rank)]
        return LanguageSample(self.size, self.rows + other.rows, _lowest([*self.chosen, *theirs], self.size))


@dataclass(frozen=True)
class LanguageShare:
    """``count`` rows of the sample, a ``share`` between ``low`` and ``high`` of all rows with 95 % confidence."""

    code: str
    count: int
    share: float
    low: float
    high: float
    mean_confidence: float


@dataclass(frozen=True)
class LanguageSummary:
    """The languages of a split, the most frequent first. ``note`` says why they are unknown, when they are."""

    sampled: int
    rows: int
    languages: tuple[LanguageShare, ...]
    note: str | None = None

    @property
    def top3(self) -> list[dict[str, Any]]:
        """The report's ``languages_top3``; counts are those of the sample."""
        return [{"code": language.code, "count": language.count} for language in self.languages[:3]]


def identify_texts(texts: Sequence[str], identify: Identify | None) -> list[tuple[str, float]]:
    """Return the language of every text and the confidence; too short a text has an unknown one."""
    found = [(UNKNOWN, 0.0)] * len(texts)
    begins = [text[:_MOST_CHARACTERS].strip() for text in texts]
    long = [place for place, begin in enumerate(begins) if len(begin) >= _LEAST_CHARACTERS]
    if identify is not None:
        for place, answer in zip(long, identify([begins[place] for place in long]), strict=True):
            found[place] = answer
    return found


def summarize_languages(sample: LanguageSample, identify: Identify | None) -> LanguageSummary:
    """Identify every row of the sample and estimate the shares of all rows."""
    counts: Counter[str] = Counter()
    confidences: defaultdict[str, float] = defaultdict(float)
    for code, confidence in identify_texts([row.text for row in sample.chosen], identify):
        counts[code] += 1
        confidences[code] += confidence
    shares = [
        LanguageShare(code, count, count / len(sample.chosen), *_interval(count, sample), confidences[code] / count)
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    note = None if identify is not None else "languages are unknown: pip install 'forgelm[language]'"
    return LanguageSummary(len(sample.chosen), sample.rows, tuple(shares), note)


def _rank(rows: Words) -> Words:
    """Return a random number for every row number: ``tokens.scramble`` for many."""
    value = rows + np.uint64(GOLDEN)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(MIX_1)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(MIX_2)
    return value ^ (value >> np.uint64(31))


def _begin(batch: TextBatch, rows: Ints) -> list[str]:
    """Return the beginnings of the texts of some rows."""
    begins = batch.offsets[rows]
    ends = np.minimum(batch.offsets[rows + 1], begins + 4 * _MOST_CHARACTERS)
    data = batch.buffer.data
    return [
        str(data[begin:end], "utf-8", "replace")[:_MOST_CHARACTERS]
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    ]


def _lowest(rows: list[SampledRow], size: int | None) -> tuple[SampledRow, ...]:
    return tuple(sorted(rows)[:size])


def _interval(count: int, sample: LanguageSample) -> tuple[float, float]:
    """Return Wilson's interval for a share, narrowed because the sample is a known part of all rows."""
    size, rows = len(sample.chosen), max(sample.rows, 1)
    share = count / size
    if size >= rows:
        return share, share
    spread = _CERTAINTY**2 * (rows - size) / max(rows - 1, 1)
    middle = (share + spread / (2 * size)) / (1 + spread / size)
    half = math.sqrt(spread * (share * (1 - share) / size + spread / (4 * size**2))) / (1 + spread / size)
    return max(middle - half, 0.0), min(middle + half, 1.0)
