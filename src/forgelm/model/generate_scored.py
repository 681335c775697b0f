"""Asks a model and keeps how sure it was: prompts in, greedy replies with the probability of every token out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from forgelm.base.extras import load_extra

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Reply:
    """A greedy reply. ``ends`` holds, for each token, the length of the text up to and with it; ``logps`` its log p."""

    text: str
    ends: tuple[int, ...]
    logps: tuple[float, ...]

    def log_probability(self, start: int, end: int) -> float:
        """Return the log probability, in nats, of the tokens that wrote the characters from ``start`` to ``end``."""
        begins = (0, *self.ends[:-1])
        return sum(
            logp
            for begin, stop, logp in zip(begins, self.ends, self.logps, strict=True)
            if begin < end and stop > start
        )


def in_batches(items: Sequence[T], batch_size: int, work: Callable[[Sequence[T]], list[R]]) -> list[R]:
    """Return ``work`` of all items, done in batches; one that does not fit into memory is halved down to one item.

    Raises:
        torch.OutOfMemoryError: not even one item fits.
    """
    torch = load_extra("torch", extra="train")
    done: list[R] = []
    size = batch_size
    while len(done) < len(items):
        batch = items[len(done) : len(done) + size]
        try:
            done += work(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            torch.cuda.empty_cache()
            size = max(1, len(batch) // 2)
    return done


def generate_scored(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], *, max_new_tokens: int, batch_size: int = 16
) -> list[Reply]:
    """Return how ``model`` goes on greedily after each prompt of token ids, with each token's probability.

    Padded on the left, so that replies do not depend on which prompts share a batch; the longest prompts come first,
    so that memory that does not suffice shows at once.
    """
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))

    def work(indices: Sequence[int]) -> list[Reply]:
        return _generate(model, tokenizer, [prompts[index] for index in indices], max_new_tokens)

    replies = in_batches(order, batch_size, work)
    return [reply for _, reply in sorted(zip(order, replies, strict=True), key=lambda pair: pair[0])]


def pad_left(torch: Any, model: Any, tokenizer: Any, prompts: Sequence[list[int]]) -> dict[str, Any]:
    """Return ``prompts`` as one batch on the model's device, padded on the left."""
    width = max(len(ids) for ids in prompts)
    pad = tokenizer.pad_token_id
    ids = [[pad] * (width - len(row)) + row for row in prompts]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in prompts]
    tensor = torch.tensor
    return {"input_ids": tensor(ids, device=model.device), "attention_mask": tensor(mask, device=model.device)}


def _generate(model: Any, tokenizer: Any, prompts: Sequence[list[int]], max_new_tokens: int) -> list[Reply]:
    torch = load_extra("torch", extra="train")
    transformers = load_extra("transformers", extra="train")
    batch = pad_left(torch, model, tokenizer, prompts)
    width = batch["input_ids"].shape[1]
    steps: list[Any] = []

    def keep(input_ids: Any, scores: Any) -> Any:
        # The greedy token is the likeliest one, so its probability is the highest of its step.
        steps.append(torch.log_softmax(scores.float(), dim=-1).amax(dim=-1).cpu())
        return scores

    with torch.inference_mode():
        output = model.generate(
            **batch,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            pad_token_id=tokenizer.pad_token_id,
            logits_processor=transformers.LogitsProcessorList([keep]),
        )
    logps = torch.stack(steps, dim=1).tolist()
    rows = output[:, width:].tolist()
    return [_reply(tokenizer, row, logp) for row, logp in zip(rows, logps, strict=True)]


def _reply(tokenizer: Any, ids: list[int], logps: list[float]) -> Reply:
    special = set(tokenizer.all_special_ids)
    length = next((index for index, token in enumerate(ids) if token in special), len(ids))
    ends = tuple(len(tokenizer.decode(ids[: index + 1])) for index in range(length))
    return Reply(str(tokenizer.decode(ids[:length])), ends, tuple(logps[:length]))
