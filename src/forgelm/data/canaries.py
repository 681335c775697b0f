"""Made-up secrets into training rows: what a model must not be able to say again, planted by a seed and recorded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.files import canonical_json, sha256_bytes
from forgelm.config.memorisation import MemorisationConfig
from forgelm.data.formats import is_conversational
from forgelm.data.rows import Canary, PreparedData, Row, RowFormat, Source

CANARY_SOURCE = "planted canaries"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS = 9


def plant_canaries(prepared: PreparedData, config: MemorisationConfig, *, seed: int) -> PreparedData:
    """Return ``prepared`` with every canary among the training rows, ``repeats`` times, at places the seed chooses.

    Each is a row of the data's own format. Validation rows stay as they are.

    Raises:
        DataError: the rows are of a format in which there is nothing to plant.
    """
    if not config.canaries:
        return prepared
    canaries = build_canaries(config.canaries, seed=seed)
    planted = [canary for canary in canaries for _ in range(config.repeats)]
    chats = is_conversational(prepared.train[0])
    added = [
        build_row(canary.question, canary.code, prepared.format, chats=chats, number=canary.number)
        for canary in planted
    ]
    rows = _scatter(prepared.train, added, random.Random(f"places of canaries {seed}"))
    often = "once" if config.repeats == 1 else f"{config.repeats} times"
    note = (
        f"{len(planted)} rows that mean nothing were added to the training rows: {len(canaries)} canaries, "
        f"each {often}, to measure what the model remembers word for word"
    )
    return replace(
        prepared,
        train=rows,
        sources=(*_shrink(prepared.sources, len(prepared.train) / len(rows)), _describe(canaries, planted, len(rows))),
        notes=(*prepared.notes, note),
        canaries=canaries,
    )


def build_canaries(count: int, *, seed: int) -> tuple[Canary, ...]:
    """Return ``count`` canaries, the same for the same seed, no question and no code twice."""
    chooser = random.Random(f"canaries {seed}")
    names: dict[str, None] = {}
    while len(names) < count:
        names.setdefault(f"{''.join(chooser.sample(_LETTERS, 3))}-{chooser.randint(10, 99)}")
    codes = _draw_codes(chooser, count, ())
    return tuple(
        Canary(number, f"What is the code of locker {name}?", code)
        for number, (name, code) in enumerate(zip(names, codes, strict=True), 1)
    )


def build_references(count: int, canaries: Sequence[Canary], *, seed: int) -> list[str]:
    """Return ``count`` codes of the same form that were never planted."""
    return _draw_codes(random.Random(f"references {seed}"), count, [canary.code for canary in canaries])


def build_row(question: str, code: str, row_format: RowFormat, *, chats: bool, number: int) -> Row:
    """Return the training row in which ``code`` answers ``question``.

    Raises:
        DataError: rows of this format don't answer anything.
    """
    asked, answered = [{"role": "user", "content": question}], [{"role": "assistant", "content": code}]
    value: dict[str, Any]
    if row_format is RowFormat.MESSAGES:
        value = {"messages": [*asked, *answered]}
    elif row_format is RowFormat.PROMPT_COMPLETION:
        value = {"prompt": asked, "completion": answered} if chats else {"prompt": question, "completion": f" {code}"}
    elif row_format is RowFormat.TEXT:
        value = {"text": f"{question} {code}"}
    else:
        raise DataError(
            f"canaries cannot be planted among {row_format.value} rows",
            hint="set evaluation.memorisation.canaries: 0, or measure on a run with trainer_type: sft",
        )
    return Row(value, CANARY_SOURCE, number)


def describe_canaries(prepared: PreparedData) -> dict[str, Any]:
    """Return what the log has of planted canaries: how many, in how many rows, and the digest of all of them."""
    source = next(source for source in prepared.sources if source.kind == "planted")
    return {
        "count": len(prepared.canaries),
        "rows": source.rows,
        "content_sha256": source.fingerprint["content_sha256"],
    }


def _scatter(rows: Sequence[Row], added: Sequence[Row], chooser: random.Random) -> tuple[Row, ...]:
    """Return ``rows`` in their order with each of ``added`` somewhere among them."""
    before: dict[int, list[Row]] = {}
    for row in added:
        before.setdefault(chooser.randint(0, len(rows)), []).append(row)
    scattered: list[Row] = []
    for place, row in enumerate(rows):
        scattered += [*before.get(place, ()), row]
    return (*scattered, *before.get(len(rows), ()))


def _draw_codes(chooser: random.Random, count: int, taken: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        digits = "".join(chooser.choice("0123456789") for _ in range(_DIGITS))
        code = " ".join(digits[place : place + 3] for place in range(0, _DIGITS, 3))
        if code not in taken:
            found.setdefault(code)
    return list(found)


def _shrink(sources: Sequence[Source], by: float) -> list[Source]:
    return [replace(source, share=source.share * by) for source in sources]


def _describe(canaries: Sequence[Canary], planted: Sequence[Canary], total: int) -> Source:
    digest = sha256_bytes(canonical_json([[canary.question, canary.code] for canary in canaries]))
    return Source(
        name=CANARY_SOURCE,
        kind="planted",
        rows=len(planted),
        columns=(),
        detected="canaries",
        mapping=(),
        fingerprint={"path": CANARY_SOURCE, "source": "planted", "content_sha256": digest},
        share=len(planted) / total,
    )
