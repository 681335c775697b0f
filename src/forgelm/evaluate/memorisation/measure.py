"""What two models remember, and what evaluation and training share, into measurements and their files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forgelm.config.memorisation import MemorisationConfig
from forgelm.evaluate.measurement import Measurement
from forgelm.evaluate.memorisation.probe import Memories, Remembered
from forgelm.evaluate.paired import paired_proportion_interval
from forgelm.evaluate.statistics import (
    bootstrap_difference,
    bootstrap_mean,
    proportion_interval,
    proportion_upper_bound,
)

EXTRACTION, EXPOSURE, OVERLAP = (f"memorisation.{name}" for name in ("extraction_rate", "exposure", "overlap"))
CANARIES_FILE = "memorisation/canaries.jsonl"
OVERLAP_FILE = "memorisation/overlap.jsonl"


@dataclass(frozen=True)
class Found:
    """An evaluation text and the training text most like it, both by place. ``how`` is exact, near or ngram.

    ``share`` (0 to 1) is the part of the evaluation text's n-grams that stand in the training text.
    """

    item: int
    row: int
    how: str
    share: float


@dataclass(frozen=True)
class Compared:
    """One set of evaluation texts held against the training rows; ``where`` names its items, or ``problem`` says why
    it could not be compared."""

    name: str
    where: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    problem: str | None = None


def measure_canaries(config: MemorisationConfig, tuned: Memories, base: Memories) -> tuple[Measurement, Measurement]:
    """Return the share of canaries the tuned model says, and their mean exposure in bits, beside the base model's."""
    if tuned.problem is not None or not tuned.canaries:
        why = tuned.problem or "no canary was planted"
        return (
            Measurement(EXTRACTION, None, 0, "share of 1", problem=why),
            Measurement(EXPOSURE, None, 0, "bits", problem=why),
        )
    before = base.canaries if base.problem is None else ()
    details = {
        "canaries": len(tuned.canaries),
        "repeats": config.repeats,
        "references": config.references,
        "cost": {"seconds": round(tuned.seconds, 3), "base_seconds": round(base.seconds, 3)},
        "skipped": {"base": base.problem},
    }
    files = {CANARIES_FILE: _rows(config, tuned.canaries, before)}
    return (
        replace(_extraction(tuned.canaries, before, details), files=files),
        _exposure(config, tuned.canaries, before, details),
    )


def _extraction(tuned: Sequence[Remembered], base: Sequence[Remembered], details: Mapping[str, Any]) -> Measurement:
    said, n = [one.extracted for one in tuned], len(tuned)
    change = paired_proportion_interval(said, [one.extracted for one in base]) if base else None
    interval = proportion_interval(sum(said), n)
    return Measurement(
        EXTRACTION,
        sum(said) / n,
        n,
        "share of 1",
        sum(one.extracted for one in base) / n if base else None,
        details={
            **details,
            "interval": interval.as_record() if interval else None,
            "upper_bound": proportion_upper_bound(sum(said), n),
            "change_interval": change.as_record() if change else None,
        },
        scores=tuple(map(float, said)),
    )


def _exposure(
    config: MemorisationConfig, tuned: Sequence[Remembered], base: Sequence[Remembered], details: Mapping[str, Any]
) -> Measurement:
    bits = [one.exposure for one in tuned]
    before = [one.exposure for one in base]
    interval = bootstrap_mean(bits)
    change = bootstrap_difference(bits, before) if base else None
    return Measurement(
        EXPOSURE,
        math.fsum(bits) / len(bits),
        len(bits),
        "bits",
        math.fsum(before) / len(before) if before else None,
        details={
            **details,
            "at_most": config.measurable_bits,
            "of_a_model_that_never_saw_them": mean_unseen_exposure(config.references),
            "interval": interval.as_record() if interval else None,
            "change_interval": change.as_record() if change else None,
        },
        scores=tuple(bits),
    )


def mean_unseen_exposure(references: int) -> float:
    """Return the mean exposure, in bits, when every rank among ``references`` is equally likely."""
    possible = references + 1
    return math.log2(possible) - math.fsum(math.log2(rank) for rank in range(1, possible + 1)) / possible


def measure_overlap(compared: Sequence[Compared], training: Sequence[str]) -> Measurement:
    """Return the share of evaluation texts that are in the training rows, whose places are ``training``."""
    problems = [f"{one.name}: {one.problem}" for one in compared if one.problem is not None]
    total = sum(len(one.where) for one in compared)
    if problems or not total:
        why = "; ".join(problems) or "there are no validation rows and no benchmark questions"
        return Measurement(OVERLAP, None, 0, "share of 1", problem=why)
    hits = sum(len(one.found) for one in compared)
    interval = proportion_interval(hits, total)
    return Measurement(
        OVERLAP,
        hits / total,
        total,
        "share of 1",
        details={
            "interval": interval.as_record() if interval else None,
            "upper_bound": proportion_upper_bound(hits, total),
            "sets": {one.name: _count(one) for one in compared},
        },
        files={
            OVERLAP_FILE: [
                {
                    "set": one.name,
                    "item": one.where[hit.item],
                    "training_row": training[hit.row],
                    "how": hit.how,
                    "share": round(hit.share, 4),
                }
                for one in compared
                for hit in one.found
            ]
        },
    )


def _count(one: Compared) -> dict[str, int]:
    hows = [hit.how for hit in one.found]
    return {"items": len(one.where)} | {how: hows.count(how) for how in ("exact", "near", "ngram")}


def _rows(config: MemorisationConfig, tuned: Sequence[Remembered], base: Sequence[Remembered]) -> list[dict[str, Any]]:
    before = {one.canary.number: one for one in base}
    rows = []
    for one in tuned:
        old = before.get(one.canary.number)
        rows.append(
            {
                "number": one.canary.number,
                "question": one.canary.question,
                "code": one.canary.code,
                "repeats": config.repeats,
                "rank": one.rank,
                "exposure": one.exposure,
                "extracted": one.extracted,
                "reply": one.reply,
                "base_rank": old.rank if old else None,
                "base_exposure": old.exposure if old else None,
                "base_extracted": old.extracted if old else None,
            }
        )
    return rows
