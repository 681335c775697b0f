"""Replaces what a finder finds, until it finds nothing more."""

from __future__ import annotations

from collections.abc import Callable

from forgelm.audit.findings import Finding, replace_spans

_ROUNDS = 8


def mask(text: str, replacement: str, find: Callable[[str], list[Finding]]) -> tuple[str, list[Finding]]:
    """Return ``text`` without its findings, and the findings.

    A replacement changes what stands beside it, which may complete another value; searching again settles that, so
    masking what is masked changes nothing.

    Raises:
        TypeError: ``text`` or ``replacement`` is not a string.
    """
    if not isinstance(replacement, str):
        raise TypeError(f"expected a string as replacement, got {type(replacement).__name__}")
    first = found = find(text)
    for _ in range(_ROUNDS):
        masked = replace_spans(text, (finding.span for finding in found), replacement)
        if masked == text:
            break
        text, found = masked, find(masked)
    return text, first
