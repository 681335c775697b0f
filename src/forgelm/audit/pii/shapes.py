"""What stands before, inside and after an identity number."""

# One separator: a space or a dash of any width.
SPACE = "[ \u00a0\u2009\u202f\u2010-\u2015\u2212-]"

# Not inside a word, a decimal number or the last group of a UUID.
BEFORE = r"(?<![0-9A-Za-z_])(?<![0-9]\.)(?<!-[0-9A-Fa-f]{4}-)"
AFTER = r"(?![0-9A-Za-z_])(?!\.[0-9])"
