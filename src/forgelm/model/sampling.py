"""Draws replies at random in a way that each row's draw depends on its own number only, not on its batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.base.files import sha256_bytes


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. ``top_p`` (0 to 1) keeps the likeliest tokens that add up to it; 1 keeps all."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    @property
    def is_greedy(self) -> bool:
        return self.temperature == 0 or self.top_p == 0


def build_processors(sampling: Sampling | None, rows: Sequence[int]) -> Any:
    """Return the processors that make a greedy choice among the changed logits a draw; ``None`` changes nothing.

    ``rows`` are the numbers of the rows of this batch: the seeds of their draws come from them.
    """
    if sampling is None or sampling.is_greedy:
        return None
    transformers = load_extra("transformers", extra="train")
    chosen = [transformers.TemperatureLogitsWarper(sampling.temperature)] if sampling.temperature != 1 else []
    if sampling.top_p < 1:
        chosen.append(transformers.TopPLogitsWarper(sampling.top_p))
    return transformers.LogitsProcessorList([*chosen, _Gumbel(sampling.seed, rows)])


class _Gumbel:
    """Adds Gumbel noise: the largest of the noisy logits is a draw from their softmax (Maddison et al. 2014)."""

    def __init__(self, seed: int, rows: Sequence[int]) -> None:
        torch = load_extra("torch", extra="train")
        # Drawn on the CPU, so that every kind of hardware draws the same; its generator takes 32 bits of a seed.
        seeds = [int(sha256_bytes(f"{seed}/{row}".encode())[:8], 16) for row in rows]
        self._generators = [torch.Generator().manual_seed(one) for one in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        torch = load_extra("torch", extra="train")
        width = scores.shape[-1]
        uniform = torch.stack([torch.rand(width, generator=one, dtype=torch.float64) for one in self._generators])
        noise = -torch.log(-torch.log(uniform.clamp_min(1e-300)))
        return scores + noise.to(device=scores.device, dtype=scores.dtype)
