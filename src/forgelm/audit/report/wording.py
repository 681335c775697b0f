"""Numbers, names and hostile characters to the words a person reads, in a terminal as on a page."""

from __future__ import annotations

from collections.abc import Mapping

_KEPT = frozenset("\u200c\u200d\u00a0\u202f\u3000")  # joiners that scripts and emoji need, and spaces
_LONGEST_NAME = 200


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 row`` or ``1,234 rows``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """Return a share (0 to 1) in percent; what is there at all is never shown as nothing, nor all but a bit as all."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def list_counts(counts: Mapping[str, int], *, most: int = 4) -> str:
    """Return ``email 12, phone 3 and 2 more kinds``, the most frequent first."""
    ordered = sorted(((name, count) for name, count in counts.items() if count), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{show_name(name)} {count:,}" for name, count in ordered[:most])
    rest = len(ordered) - most
    return named + (f" and {count_of(rest, 'more kind')}" if rest > 0 else "")


def show_bytes(size: int) -> str:
    """Return a size in bytes with three digits at most."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def show_name(name: str, most: int = _LONGEST_NAME) -> str:
    """Return a name from the data (a column, a file, a split) as one visible line.

    A long one loses its middle: its end says which row or which file it is.
    """
    if len(name) > most:
        return f"{show_name(name[: most // 2], most)} … {show_name(name[-(most // 2) :], most)}"
    return show_text(name, most).replace("\n", "\\n").replace("\t", "\\t")


def show_text(text: str, most: int) -> str:
    """Return the first ``most`` characters of text from the data, with what hides or reorders text spelled out.

    Lines and tabs stay; control, bidirectional-override and other invisible characters become escapes such as
    ``\\u202e``, so that neither a terminal nor a reader's eye obeys them.
    """
    shown = "".join(char if _is_plain(char) else _spell(char) for char in text[:most])
    left = len(text) - most
    return shown + (f" … {count_of(left, 'more character')}" if left > 0 else "")


def _is_plain(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or char in _KEPT


def _spell(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
