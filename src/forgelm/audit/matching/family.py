"""One family of values: the pattern it has, the check it passes, and the words that must stand near it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from forgelm.audit.findings import Severity

if TYPE_CHECKING:
    from forgelm.audit.rows.arrays import Bits, Ints

Group = Literal["pii", "secret"]
Column: TypeAlias = "Callable[[Ints], Bits]"

# Digits with at most two separators between one and the next.
DIGIT_GAP = "[ ./()+\u00a0\u2009\u202f\u2010-\u2015\u2212-]"
DIGIT_RUN = f"[0-9](?:{DIGIT_GAP}{{0,2}}[0-9])*"
LEAD = 9
LEAD_TO_ANCHOR = LONGEST_UNLESS = 160
_CLUE_DIGITS = 8
DIGITS_CLUE = f"[0-9](?:{DIGIT_GAP}{{0,2}}[0-9]){{{_CLUE_DIGITS - 1}}}"

_NOT_IN_WORD = r"(?<![A-Za-z0-9])"
# No number begins inside a word or ends inside another number.
_BEFORE_NUMBER = "(?:^|[^0-9A-Za-z])"
_AFTER_NUMBER = "(?:$|[^0-9])"
# What the families that are not part of a decimal number say, and the same without look-around.
NOT_AFTER_POINT, _BEFORE_WHOLE = r"(?<![0-9]\.)", r"(?:^|[^0-9A-Za-z.]|(?:^|[^0-9])\.)"
NOT_BEFORE_POINT, _AFTER_WHOLE = r"(?!\.[0-9])", r"(?:$|[^0-9.]|\.(?:$|[^0-9]))"
_CAPTURE = re.compile(r"\(\?P<\w+>")
# No pattern with bounded repeats reads further, with what must follow its value, than this from where it begins.
READS = 1 << 15
_OPEN_END = re.compile(r"\{([0-9]+),[0-9]*\}(?:=\{0,[0-9]\})?$")


@dataclass(frozen=True)
class Family:
    """A row of a finder's table.

    ``pattern`` describes the value without its surroundings (``left``, ``right``), in the syntax that Python, RE2 and
    Hyperscan share, so that one engine may look for it fast and another confirm it. Where only Python can express it,
    ``hint`` is a shared-syntax pattern that occurs in every text the family occurs in. A group named ``value`` is the
    part reported. Repeats are bounded, or end the pattern, or cannot start twice in one run: time stays linear.
    """

    kind: str
    pattern: str
    severity: Severity
    group: Group
    check: Callable[[str], bool] | None = None
    keywords: tuple[str, ...] = ()  # lower case; the family cannot occur where none of them does
    digits: int = 0  # the family begins at most LEAD before, and has so many digits within, a ``DIGIT_RUN``
    near: str = ""  # the value begins at most LEAD before this occurs; one that begins with a rare character is fast
    longest: int = 80  # how far from there the value may reach
    opening: str = ""  # the pattern up to its first ``anchor``, at most LEAD_TO_ANCHOR characters
    anchor: str = ""
    context: tuple[str, ...] = ()  # words before the value; those in lower case also match in upper case
    needs_context: bool = False
    reach: int = 64  # how many characters before the value the context is looked for
    left: str = _NOT_IN_WORD
    right: str = ""
    unless: str = ""  # what must not stand right before the value, at most LONGEST_UNLESS characters
    hint: str = ""
    clue: str = ""  # a pattern shared by many families that also occurs wherever this one does
    trims: bool = False  # when the check fails, try again without the last group
    weak: bool = False  # loses to every other family that claims the same characters
    # Which of many values (values, digits) that are nothing but digits the check may accept; for a family whose values
    # are digits, alone or with what may stand between them.
    column: Column | None = None
    retries: bool = False  # after a failed check look again one character on: for patterns of bounded length

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(f"{self._beginning}{self.right}", re.ASCII)

    @cached_property
    def part(self) -> str | int:
        """The group of ``regex`` that is reported."""
        return "value" if "value" in self.regex.groupindex else 0

    @property
    def _beginning(self) -> str:
        first, rest = self.pattern[0], self.pattern[1:]
        if self.left == _NOT_IN_WORD and first.isalnum() and rest[0] not in "{*+?|" and not _has_choices(rest):
            # Python finds a first letter much faster than the place before one.
            return f"{first}(?<![A-Za-z0-9]{first}){rest}"
        return f"{self.left}(?:{self.pattern})"

    @cached_property
    def near_regex(self) -> re.Pattern[str]:
        return re.compile(self.near, re.ASCII)

    @cached_property
    def opening_regex(self) -> re.Pattern[str]:
        return re.compile(f"{self.left}(?:{self.opening})", re.ASCII)

    @cached_property
    def reads(self) -> int:
        """How many characters from its beginning the pattern may look at; 0 where there is no end to that."""
        return 0 if re.search(r"[*+]|\{[0-9]+,\}", _without_classes(self.pattern)) else READS

    @cached_property
    def context_regex(self) -> re.Pattern[str]:
        return re.compile(f"(?<![A-Za-z]){self.context_pattern}(?![A-Za-z])", re.ASCII)

    @cached_property
    def context_keywords(self) -> tuple[str, ...]:
        return tuple(word.lower() for word in self.context)

    @property
    def trigger(self) -> str:
        """The clue, for engines that can look for a few patterns only."""
        if self.clue:
            return self.clue
        return DIGITS_CLUE if self.digits >= _CLUE_DIGITS else self.superset

    @cached_property
    def unless_regex(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.unless})\Z", re.ASCII)

    @property
    def context_pattern(self) -> str:
        return f"(?:{'|'.join(_word(word) for word in self.context)})"

    @property
    def shape(self) -> str:
        """For a family of numbers: closer than ``superset``, with the borders of a number, and without look-around."""
        before = _BEFORE_WHOLE if NOT_AFTER_POINT in self.left else _BEFORE_NUMBER
        after = _AFTER_WHOLE if NOT_BEFORE_POINT in self.right else _AFTER_NUMBER
        return f"(?:{before}(?:{self.pattern}){after})"

    @property
    def superset(self) -> str:
        """A pattern without look-around that occurs in every text this family occurs in."""
        if self.hint:
            return self.hint
        if self.needs_context:
            # A number follows the word, so some character does.
            return f"{self.context_pattern}[^A-Za-z]"
        # The least of an open end is enough, and spares the engine a report for every character after it.
        return _OPEN_END.sub(r"{\1}", _CAPTURE.sub("(?:", self.pattern))


def _has_choices(pattern: str) -> bool:
    """Whether ``pattern`` is several: a bar stands outside all its groups."""
    plain = _without_classes(pattern)
    while plain != (inner := re.sub(r"\([^()]*\)", "", plain)):
        plain = inner
    return "|" in plain


def _without_classes(pattern: str) -> str:
    return re.sub(r"\\.|\[[^\]]*\]", "", pattern)


def _word(word: str) -> str:
    escaped = re.sub(r"([.+*?()\[\]{}|^$\\])", r"\\\1", word)
    return f"(?i:{escaped})" if word == word.lower() else f"(?:{escaped})"
