"""What the finders report: spans with a masked preview, how they are counted, and how a text loses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "high", "medium", "low"]
Span = tuple[int, int]

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
_PREVIEW_LENGTH = 24


@dataclass(frozen=True)
class Finding:
    """One thing found. ``span`` counts characters, end exclusive; ``text_preview`` never holds the value."""

    kind: str
    span: Span
    text_preview: str
    severity: Severity


def preview(value: str, *, visible: int = 0) -> str:
    """Return the outline of ``value``: its first ``visible`` characters, then ``*`` for every letter and digit."""
    shown = value[:_PREVIEW_LENGTH]
    outline = shown.translate(_OUTLINE) if shown.isascii() else "".join(map(_outline, shown))
    return value[:visible] + outline[visible:] + ("…" if len(value) > _PREVIEW_LENGTH else "")


def _outline(char: str) -> str:
    return "*" if char.isalnum() else char if char.isprintable() else " "


_OUTLINE = {code: _outline(chr(code)) for code in range(128)}


def count_kinds(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how often each kind occurs, in the order of first occurrence."""
    return dict(Counter(finding.kind for finding in findings))


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the sorted union of ``spans``; those that overlap or touch become one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def replace_spans(text: str, spans: Iterable[Span], replacement: str) -> str:
    """Return ``text`` with each joined span replaced once; every other character stays."""
    parts: list[str] = []
    position = 0
    for start, end in join_spans(spans):
        parts += (text[position:start], replacement)
        position = end
    return "".join((*parts, text[position:]))
