"""How rows of the secret tables are built: a token with a prefix of its own, or a value given to a name."""

from __future__ import annotations

from collections.abc import Callable

from forgelm.audit.matching.family import Family
from forgelm.audit.secrets.entropy import is_no_filler, is_varied

NO_MORE = "(?![A-Za-z0-9])"
NO_MORE_BASE64 = "(?![A-Za-z0-9+/=_-])"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# Nearly every credential has as many characters of this kind in a row, and hardly any word has.
LONG_RUN = "[A-Za-z0-9_+/=-]{16}"

Check = Callable[[str], bool]


def token(
    kind: str,
    pattern: str,
    *keywords: str,
    right: str = NO_MORE,
    check: Check | None = None,
    hint: str = "",
    clue: str = LONG_RUN,
) -> Family:
    """A token that its own shape gives away. One of ``keywords``, in lower case, is part of it."""
    return Family(
        kind, pattern, "critical", "secret", check or is_no_filler, keywords, right=right, hint=hint, clue=clue
    )


def named(kind: str, names: str, value: str, *, right: str = NO_MORE) -> Family:
    """A value without a shape of its own, given to one of ``names``: ``heroku_api_key = "…"``, ``"herokuKey": "…"``."""
    given = f"(?i:{names})[A-Za-z0-9_. -]{{0,24}}[\"']?[ \t]{{0,4}}(?:=|:|:=|=>|,)[ \t]{{0,4}}[\"']?"
    return Family(kind, f"{given}(?P<value>{value})", "critical", "secret", is_varied, tuple(names.lower().split("|")),
                  left="",
                  right=right, hint=f"{given}[A-Za-z0-9+/=_-]", clue=LONG_RUN)  # fmt: skip
