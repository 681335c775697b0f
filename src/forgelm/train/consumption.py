"""What training took from each dataset: rows and tokens, by replaying the order in which rows were drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forgelm.base.processes import read_place
from forgelm.config.root import ForgeConfig
from forgelm.train.order import EpochOrder
from forgelm.train.tokenise import Example
from forgelm.train.trainers import TRAINERS, row_lengths

_DRAWN = (
    "the passes of GRPO also hold replies that the model drew itself; what is counted here are the prompts, as often "
    "as they were answered"
)


@dataclass(frozen=True)
class SourceTokens:
    """One dataset's part. ``rows`` and ``tokens`` count each row once; ``*_trained`` as often as it was trained on.

    ``share`` (0 to 1) is its part of all tokens trained on; target tokens are those the loss was taken over.
    """

    source: str
    rows: int
    rows_used: int
    tokens: int
    tokens_used: int
    rows_trained: int
    tokens_trained: int
    target_tokens_trained: int
    share: float


@dataclass(frozen=True)
class Consumption:
    """What was consumed, by dataset. ``exact`` is false where the order could not be replayed; ``note`` says why."""

    sources: tuple[SourceTokens, ...]
    exact: bool
    note: str | None

    @property
    def tokens_trained(self) -> int:
        return sum(source.tokens_trained for source in self.sources)

    @property
    def tokens_used(self) -> int:
        """Tokens of the rows that were trained on at least once, each counted once."""
        return sum(source.tokens_used for source in self.sources)

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"tokens_trained": self.tokens_trained, "tokens_used": self.tokens_used}


def measure_consumption(
    config: ForgeConfig, examples: Sequence[Example], *, order: str, steps: int, real_tokens: int
) -> Consumption:
    """Return what ``steps`` optimizer steps drew from each dataset of ``examples``; ``order`` is ``EpochOrder``'s.

    ``real_tokens`` is what the meter counted in the passes themselves. Where the replay adds up to it, the figures are
    exact; where it does not (packed sequences, a batch made smaller on the way), the meter's tokens are shared out in
    proportion. GRPO's passes hold replies that no dataset holds; there the prompts are counted, as often as they were
    answered.
    """
    training = config.training
    per_step = training.per_device_train_batch_size * training.gradient_accumulation_steps * read_place().count
    rows = EpochOrder(
        row_lengths(TRAINERS[training.trainer_type], examples),
        batch_size=training.per_device_train_batch_size,
        seed=training.seed,
        strategy=order,
    )
    if training.trainer_type == "grpo":
        replies = training.grpo_num_generations
        drawn = replay(rows, per_step=per_step // replies, steps=steps, fills_steps=True)
        seen = Counter({index: times * replies for index, times in drawn.items()})
        return Consumption(_by_source(examples, seen, 1.0), False, _DRAWN)
    seen = replay(rows, per_step=per_step, steps=steps)
    replayed = sum(examples[index].tokens * times for index, times in seen.items())
    if replayed == real_tokens:
        return Consumption(_by_source(examples, seen, 1.0), True, None)
    note = (
        f"the order of rows could not be replayed exactly ({replayed} tokens against {real_tokens} counted in the "
        "passes); the tokens counted are shared out in proportion to the replay"
    )
    return Consumption(_by_source(examples, seen, real_tokens / replayed if replayed else 0.0), False, note)


def replay(order: EpochOrder, *, per_step: int, steps: int, fills_steps: bool = False) -> Counter[int]:
    """Return how often each row was drawn by ``steps`` steps of ``per_step`` rows.

    The last step of an epoch takes the rows that are left; with ``fills_steps`` those are left out instead.
    """
    seen: Counter[int] = Counter()
    rows = len(order)
    in_epoch = rows // per_step if fills_steps else math.ceil(rows / per_step)
    epoch, left = 0, steps
    while left > 0 and in_epoch:
        if left >= in_epoch and in_epoch * per_step >= rows:
            seen.update(range(rows))
        else:
            order.set_epoch(epoch)
            seen.update(list(order)[: min(left, in_epoch) * per_step])
        epoch, left = epoch + 1, left - in_epoch
    return seen


def _by_source(examples: Sequence[Example], seen: Counter[int], factor: float) -> tuple[SourceTokens, ...]:
    total = sum(examples[index].tokens * times for index, times in seen.items())
    indices: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        indices.setdefault(example.row.source, []).append(index)
    return tuple(_sum_source(name, places, examples, seen, factor, total) for name, places in indices.items())


def _sum_source(
    name: str, places: list[int], examples: Sequence[Example], seen: Counter[int], factor: float, total: int
) -> SourceTokens:
    lengths = {index: examples[index].tokens for index in places}
    trained = sum(lengths[index] * seen[index] for index in places)
    targets = sum(examples[index].targets * seen[index] for index in places)
    return SourceTokens(
        source=name,
        rows=len(places),
        rows_used=sum(seen[index] > 0 for index in places),
        tokens=sum(lengths.values()),
        tokens_used=sum(lengths[index] for index in places if seen[index]),
        rows_trained=sum(seen[index] for index in places),
        tokens_trained=round(trained * factor),
        target_tokens_trained=round(targets * factor),
        share=trained / total if total else 0.0,
    )
