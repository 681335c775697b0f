"""Several versions of one tensor and their weights to one tensor: linear, SLERP, TIES and DARE, in blocks. Pure.

``weights`` sum to 1. Everything is computed in float64 and handed back as float32, so that a model merged with itself
is that model bit for bit, to within what float64 can hold of a difference.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

from forgelm.base.extras import load_extra

_BLOCK = 1 << 20
# Above this cosine the arc is a line to within rounding.
_PARALLEL = 0.9995


def merge_linear(versions: Sequence[Any], weights: Sequence[float]) -> Any:
    """Return the weighted mean."""
    return _in_blocks(versions, lambda parts: sum(w * part for w, part in zip(weights, parts, strict=True)))


def merge_slerp(versions: Sequence[Any], weights: Sequence[float]) -> Any:
    """Return the point of the arc between two tensors that is ``weights[1]`` of the way (Shoemake 1985).

    The angle is that between the tensors as vectors; where it is next to nothing, or one is zero, the mean is taken.
    """
    first, second = versions
    cosine = _cosine(first, second)
    if not math.isfinite(cosine) or abs(cosine) > _PARALLEL:
        return merge_linear(versions, weights)
    angle = math.acos(cosine)
    arc = [math.sin(weight * angle) / math.sin(angle) for weight in weights]
    return merge_linear(versions, arc)


def merge_ties(base: Any, versions: Sequence[Any], weights: Sequence[float], *, trim_fraction: float) -> Any:
    """Return ``base`` plus the merged differences from it (arXiv:2306.01708).

    Of each difference the ``trim_fraction`` smallest in size become zero; each number's sign is that of the sum of
    the signs (a draw is plus); those that agree are averaged by weight.
    """
    np = load_extra("numpy", extra="train")
    limits = [_find_limit(base, version, trim_fraction) for version in versions]

    def merge(parts: Sequence[Any]) -> Any:
        start, *others = parts
        kept = [_trim(other - start, limit) for other, limit in zip(others, limits, strict=True)]
        sign = np.where(sum(np.sign(one) for one in kept) >= 0, 1.0, -1.0)
        agreeing = [(one * sign) > 0 for one in kept]
        total = sum(w * one * agrees for w, one, agrees in zip(weights, kept, agreeing, strict=True))
        share = sum(w * agrees for w, agrees in zip(weights, agreeing, strict=True))
        return start + np.divide(total, share, out=np.zeros_like(start), where=share > 0)

    return _in_blocks([base, *versions], merge)


def merge_dare(
    base: Any, versions: Sequence[Any], weights: Sequence[float], *, drop_rate: float, seeds: Sequence[bytes]
) -> Any:
    """Return ``base`` plus the weighted differences from it, each thinned out and scaled up (arXiv:2311.03099).

    Each number of a difference is dropped with probability ``drop_rate``; ``seeds`` say which ones.
    """
    np = load_extra("numpy", extra="train")
    draws = [np.random.Generator(np.random.Philox(key=int.from_bytes(seed[:16], "little"))) for seed in seeds]

    def merge(parts: Sequence[Any]) -> Any:
        start, *others = parts
        result = start.copy()
        for weight, other, draw in zip(weights, others, draws, strict=True):
            kept = draw.random(len(start)) >= drop_rate
            if drop_rate < 1.0:
                result += kept * (other - start) * (weight / (1.0 - drop_rate))
        return result

    return _in_blocks([base, *versions], merge)


def derive_seed(seed: int, tensor: str, source: str) -> bytes:
    """Return the seed of DARE's draw for one tensor of one source: the same wherever and in whatever order."""
    return hashlib.sha256(f"{seed}\0{tensor}\0{source}".encode()).digest()


def _in_blocks(versions: Sequence[Any], merge: Callable[[Sequence[Any]], Any]) -> Any:
    np = load_extra("numpy", extra="train")
    flat = [np.ascontiguousarray(version).reshape(-1) for version in versions]
    merged = np.empty(flat[0].shape, dtype="f4")
    for start in range(0, len(merged), _BLOCK):
        place = slice(start, start + _BLOCK)
        merged[place] = merge([one[place].astype("f8") for one in flat])
    return merged.reshape(versions[0].shape)


def _cosine(first: Any, second: Any) -> float:
    np = load_extra("numpy", extra="train")
    flat = [np.ascontiguousarray(one).reshape(-1) for one in (first, second)]
    product = lengths = others = 0.0
    for start in range(0, len(flat[0]), _BLOCK):
        one, two = (part[start : start + _BLOCK].astype("f8") for part in flat)
        product += float(one @ two)
        lengths += float(one @ one)
        others += float(two @ two)
    size = math.sqrt(lengths) * math.sqrt(others)
    return max(-1.0, min(1.0, product / size)) if size else math.nan


def _find_limit(base: Any, version: Any, fraction: float) -> float:
    """Return the size below which a difference is trimmed; where sizes are equal, fewer than ``fraction`` are."""
    np = load_extra("numpy", extra="train")
    sizes = np.abs(version.astype("f8") - base.astype("f8")).reshape(-1)
    trimmed = int(fraction * len(sizes))
    if trimmed >= len(sizes):
        return math.inf
    return float(np.partition(sizes, trimmed)[trimmed])


def _trim(difference: Any, limit: float) -> Any:
    np = load_extra("numpy", extra="train")
    return np.where(np.abs(difference) < limit, 0.0, difference)
