"""What the tests of credentials share: the samples of the benchmark, and the checks every family passes."""

from __future__ import annotations

from bench.labelled.credentials import BY_KIND, SAMPLES, near_miss, sample

from forgelm.audit.secrets.find import find_secrets, mask_secrets

__all__ = ["BY_KIND", "SAMPLES", "check_found", "check_near_miss", "near_miss", "sample"]


def text_with(kind: str, seed: int) -> str:
    return f"use this: {sample(BY_KIND[kind][1], seed)} , thanks"


def text_almost_with(kind: str) -> str:
    _, template, *given = BY_KIND[kind]
    return f"use this: {near_miss(template, given[0] if given else None)} , thanks"


def check_found(kind: str) -> None:
    """Every sample of ``kind`` is one finding under its name, hidden by its preview and gone after masking."""
    for seed in range(5):
        text = text_with(kind, seed)
        (finding,) = find_secrets(text)
        assert (finding.kind, finding.severity) == (kind, "critical"), text
        value = text[slice(*finding.span)]
        assert finding.text_preview[4:] not in value
        assert value not in mask_secrets(text)


def check_near_miss(kind: str) -> None:
    """What nearly looks like ``kind`` is not found under that name."""
    text = text_almost_with(kind)
    assert kind not in [finding.kind for finding in find_secrets(text)], text
