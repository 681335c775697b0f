"""Cleans extracted text in a fixed order: glyph profile, a look at the script, patterns to strip, URLs."""

from __future__ import annotations

import contextlib
import re
import signal
import string
import threading
from collections import Counter
from collections.abc import Iterator
from types import FrameType, MappingProxyType

from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions

MAX_PATTERN_LENGTH = 2048
URL_MASK = "[URL]"
_URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"'\])}]+", re.IGNORECASE)
_URL_END = ".,;:!?"
# Turkish (Windows-1254) read as Western European (Windows-1252): the places where the two tables differ.
_TURKISH = MappingProxyType({ord(wrong): right for wrong, right in zip("ÐðÝýÞþ", "ĞğİıŞş", strict=True)})
_LETTERS = MappingProxyType(
    {
        "de": "äöüßÄÖÜẞ",
        "en": "",
        "es": "áéíóúüñÁÉÍÓÚÜÑ¿¡ªº",
        "fr": "àâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ«»",
        "it": "àèéìíîòóùúÀÈÉÌÍÎÒÓÙÚ«»",
        "pt": "áâãàçéêíóôõúüÁÂÃÀÇÉÊÍÓÔÕÚÜªº«»",
        "tr": "çğıöşüâîûÇĞİÖŞÜÂÎÛ",
    }
)
_PLAIN = frozenset(string.printable) | {chr(code) for code in range(0x2000, 0x2070)}
_SHOWN = 8
# A repeated group that ends in a repeat can take exponential time: (a+)+, (.*x?)*, ([ab]{2,})+.
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[*+}](?:[^()\\]|\\.)*\)(?:[*+]|\{\d+,\})")


def check_patterns(patterns: tuple[str, ...]) -> None:
    """Refuse patterns that do not compile, are too long, or repeat a repeated group.

    Raises:
        DocumentError: one of them is unusable; the message holds it.
    """
    for pattern in patterns:
        if not pattern or len(pattern) > MAX_PATTERN_LENGTH:
            raise DocumentError(f"--strip-pattern must have 1 to {MAX_PATTERN_LENGTH} characters, not {len(pattern)}")
        try:
            re.compile(pattern, re.MULTILINE)
        except (re.error, OverflowError, RecursionError) as error:
            raise DocumentError(f"--strip-pattern '{pattern}' is no regular expression: {error}") from error
        if _NESTED.search(pattern):
            raise DocumentError(
                f"--strip-pattern '{pattern}' repeats a repeated group, which can take forever",
                hint="write it without the inner or the outer repeat",
            )


def repair(document: Document, options: ReadOptions) -> Document:
    """Return the document with its pages cleaned; what was changed is counted.

    Raises:
        DocumentError: a pattern took longer than it may; nothing is then passed on half stripped.
    """
    counts, notes = Counter(document.counts), list(document.notes)
    texts = [_writable(page.text.replace("\f", "\n").replace("\0", "")) for page in document.pages]
    if options.profile == "turkish":
        texts = [text.translate(_TURKISH) for text in texts]
    if options.language_hint:
        notes += _look_at_script(texts, options, counts)
    for pattern in options.strip_patterns:
        with _at_most(options.pattern_timeout_seconds, pattern):
            done = [re.subn(pattern, "", text, flags=re.MULTILINE) for text in texts]
        texts = [text for text, _ in done]
        counts["strip_pattern_substitutions"] += sum(count for _, count in done)
    if options.urls != "keep":
        texts = [_URL.sub(lambda found: _replace_url(found[0], options.urls, counts), text) for text in texts]
    pages = tuple(Page(text, page.number) for text, page in zip(texts, document.pages, strict=True))
    return Document(pages, tuple(notes), counts)


def _writable(text: str) -> str:
    """Return ``text`` without halves of surrogate pairs: broken font tables and UTF-7 make them, no file holds them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _replace_url(url: str, how: str, counts: Counter[str]) -> str:
    counts["urls_handled"] += 1
    end = url[len(url.rstrip(_URL_END)) :]
    return (URL_MASK if how == "mask" else "") + end


def _look_at_script(texts: list[str], options: ReadOptions, counts: Counter[str]) -> list[str]:
    expected = _PLAIN | frozenset(_LETTERS[options.language_hint or "en"])
    seen = Counter(char for text in texts for char in text if not char.isspace())
    odd = Counter({char: count for char, count in seen.items() if char not in expected})
    ratio = odd.total() / max(1, seen.total())
    counts["script_unexpected"], counts["script_characters"] = odd.total(), seen.total()
    if ratio <= options.max_unexpected_ratio:
        return []
    shown = ", ".join(f"{char!a} {count} times" for char, count in odd.most_common(_SHOWN))
    return [f"{ratio:.1%} of its characters are not of language '{options.language_hint}': {shown}"]


@contextlib.contextmanager
def _at_most(seconds: float | None, pattern: str) -> Iterator[None]:
    """Interrupt the block after ``seconds``, where the platform has an alarm and this is the main thread."""
    if seconds is None or not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise DocumentError(
            f"could not be stripped of '{pattern}' within {seconds:g} s",
            hint="simplify the pattern, or give --strip-pattern-no-timeout",
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
