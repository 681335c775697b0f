"""One text to the quality flags it deserves: five heuristics for text that was scraped, cut or generated badly.

They were made for English prose; tables, poems and scripts without spaces raise them too, so they advise and never
decide. Fenced code is left out before a text is judged, and a text that is nothing but code raises none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from enum import IntFlag
from types import MappingProxyType
from typing import Any

# The usual stops, and the quotation marks and brackets that may follow them in any language.
LINE_ENDINGS = ".!?…\"')]”\u2019»\u203a“\u2018」』"


class Quality(IntFlag):
    """What was found in one text. ``EVALUATED`` is set for every text that is not blank."""

    NONE = 0
    EVALUATED = 1
    LOW_ALPHA_RATIO = 2
    LOW_PUNCT_ENDINGS = 4
    ABNORMAL_MEAN_WORD_LENGTH = 8
    SHORT_PARAGRAPHS = 16
    REPEATED_LINES = 32


CHECKS = MappingProxyType({flag.name.lower(): flag for flag in Quality if flag is not Quality.EVALUATED and flag.name})

_WORD = re.compile(r"\w+(?:'+\w+)*")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_FENCE_CHARACTERS = ("```", "~~~")


def judge_text(text: str) -> Quality:
    """Return the flags of one text.

    A word is a run of ``\\w`` that may hold apostrophes; lines are those of ``str.splitlines``; a paragraph is a run
    of lines that are not blank. A text without a word is flagged for its letters alone.
    """
    if not text.strip():
        return Quality.NONE
    prose = strip_fenced_code(text)
    if not prose.strip():
        return Quality.EVALUATED
    words = _WORD.findall(prose)
    if not words:
        return Quality.EVALUATED | Quality.LOW_ALPHA_RATIO
    lines = [line for line in prose.splitlines() if line.strip()]
    found = {
        Quality.LOW_ALPHA_RATIO: _has_few_letters(prose),
        Quality.LOW_PUNCT_ENDINGS: 2 * sum(line.rstrip()[-1] in LINE_ENDINGS for line in lines) < len(lines),
        Quality.ABNORMAL_MEAN_WORD_LENGTH: not 3 * len(words) <= sum(map(len, words)) <= 12 * len(words),
        Quality.SHORT_PARAGRAPHS: _has_short_paragraphs(prose),
        Quality.REPEATED_LINES: _has_repeated_lines(lines),
    }
    return Quality.EVALUATED | Quality(sum(flag for flag, is_set in found.items() if is_set))


def summarize_quality(rows_by_flags: Sequence[int]) -> dict[str, Any]:
    """Return the report's ``quality_summary``; ``rows_by_flags[flags]`` is how many rows have exactly these flags."""
    counted = [(Quality(flags), rows) for flags, rows in enumerate(rows_by_flags) if rows]
    evaluated = sum(rows for flags, rows in counted if flags & Quality.EVALUATED)
    flagged = sum(rows for flags, rows in counted if flags & ~Quality.EVALUATED)
    return {
        "samples_flagged": flagged,
        "samples_evaluated": evaluated,
        "by_check": {name: sum(rows for flags, rows in counted if flags & check) for name, check in CHECKS.items()},
        "overall_quality_score": round(1.0 - flagged / evaluated, 4) if evaluated else 1.0,
    }


def strip_fenced_code(text: str) -> str:
    """Return ``text`` without its fenced code blocks, as Markdown defines them; an unclosed one is no block."""
    if not any(fence in text for fence in _FENCE_CHARACTERS):
        return text
    lines = text.splitlines(keepends=True)
    ends = _find_closing_fences(lines)
    kept, number = [], 0
    while number < len(lines):
        end = ends.get(number)
        if end is None:
            kept.append(lines[number])
        number = number + 1 if end is None else end + 1
    return "".join(kept)


def _find_closing_fences(lines: list[str]) -> dict[int, int]:
    """Return, for every line that opens a block, the line that closes it.

    Read from the end, the nearest closing fence of every kind and length is known at every line, which keeps a text
    of nothing but fences linear.
    """
    ends: dict[int, int] = {}
    nearest: dict[tuple[str, int], int] = {}
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].rstrip()
        match = _FENCE.match(line)
        if match is None:
            continue
        fence = match.group(1)
        after = [place for (kind, size), place in nearest.items() if kind == fence[0] and size >= len(fence)]
        if after:
            ends[number] = min(after)
        if match.end() == len(line):
            nearest[fence[0], len(fence)] = number
    return ends


def _has_few_letters(prose: str) -> bool:
    solid = "".join(prose.split())
    return 10 * sum(map(str.isalpha, solid)) < 7 * len(solid)


def _has_short_paragraphs(prose: str) -> bool:
    paragraphs: list[list[str]] = [[]]
    for line in prose.splitlines():
        if line.strip():
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    sizes = [sum(len(_WORD.findall(line)) for line in lines) for lines in paragraphs if lines]
    return 2 * sum(size < 5 for size in sizes) > len(sizes)


def _has_repeated_lines(lines: list[str]) -> bool:
    if len(lines) < 3:
        return False
    repeated = [count for count in Counter(lines).values() if count > 1]
    return 10 * sum(sorted(repeated)[-3:]) > 3 * len(lines)
