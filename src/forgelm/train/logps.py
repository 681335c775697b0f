"""Asks a model how likely it finds replies: the sum of their tokens' log-probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.train.inputs import build_inputs
from forgelm.train.tokenise import IGNORED, Example

_MAX_LOGITS = 2**27


@dataclass(frozen=True)
class Likelihood:
    """``logp`` in nats, summed over the ``tokens`` targets of one reply."""

    logp: float
    tokens: int

    @property
    def mean(self) -> float:
        return self.logp / max(self.tokens, 1)


def measure_likelihoods(model: Any, examples: Sequence[Example], *, pad_token_id: int) -> list[Likelihood]:
    """Return each example's likelihood, in order; batching and padding do not change it."""
    torch = load_extra("torch", extra="train")
    found: dict[int, Likelihood] = {}
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches(examples, vocabulary=model.get_output_embeddings().weight.shape[0]):
                sums = _sum_batch(torch, model, [examples[place] for place in batch], pad_token_id)
                found |= dict(zip(batch, sums, strict=True))
    finally:
        model.train(was_training)
    return [found[place] for place in range(len(examples))]


def batches(examples: Sequence[Example], *, vocabulary: int) -> Iterator[list[int]]:
    """Yield places of rows of similar length together, each batch's logits below half a gigabyte."""
    batch: list[int] = []
    lengths = [len(example.input_ids) for example in examples]
    for place in sorted(range(len(examples)), key=lambda place: lengths[place], reverse=True):
        if batch and (len(batch) + 1) * lengths[batch[0]] * vocabulary > _MAX_LOGITS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _sum_batch(torch: Any, model: Any, batch: list[Example], pad_token_id: int) -> list[Likelihood]:
    width = len(batch[0].input_ids)
    logits = model(**build_inputs(model, batch, pad_token_id=pad_token_id), use_cache=False).logits[:, :-1]
    labels = [example.labels + [IGNORED] * (width - len(example.labels)) for example in batch]
    targets = torch.tensor(labels, device=model.device)[:, 1:]
    wanted = targets != IGNORED
    losses = torch.zeros(targets.shape, device=model.device)
    losses[wanted] = torch.nn.functional.cross_entropy(logits[wanted].float(), targets[wanted], reduction="none")
    sums, counts = losses.sum(dim=1).tolist(), wanted.sum(dim=1).tolist()
    return [Likelihood(-loss, count) for loss, count in zip(sums, counts, strict=True)]
