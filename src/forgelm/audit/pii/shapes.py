"""What stands before, inside and after an identity number."""

from __future__ import annotations

from forgelm.audit.matching.family import NOT_AFTER_POINT, NOT_BEFORE_POINT

# One separator: a space or a dash of any width.
SPACE = "[ \u00a0\u2009\u202f\u2010-\u2015\u2212-]"

# Not inside a word, a decimal number or the last group of a UUID.
BEFORE = rf"(?<![0-9A-Za-z_]){NOT_AFTER_POINT}(?<!-[0-9A-Fa-f]{{4}}-)"
AFTER = rf"(?![0-9A-Za-z_]){NOT_BEFORE_POINT}"

# Parts of a birthday; in some numbers the day or the month also says the century or the sex.
MONTH = "(?:0[1-9]|1[0-2])"
DAY = "(?:0[1-9]|[12][0-9]|3[01])"
