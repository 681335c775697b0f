"""Numbers to ggml's K-quants: blocks of 256, each of sub-blocks with scales of their own, packed as ggml lays them out.

Scales are searched for, not read off the extremes: for each of a few candidates the numbers are rounded and the scale
(and offset) that fits them best by weighted least squares is taken. Everything works on many blocks at once.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from forgelm.base.extras import load_extra

BLOCK = 256


def quantise_blocks(values: Any, kind: str) -> Any:
    """Return ``values`` (float32, blocks by 256) as bytes (uint8, blocks by the size of ``kind``'s block)."""
    return QUANTISERS[kind](values)


def _quantise_q2(values: Any) -> Any:
    np = load_extra("numpy", extra="export")
    parts = values.reshape(len(values), 16, 16)
    scale, offset = _fit_affine(parts, top=3, weights=np.abs(parts) + 1e-12, first=-0.5, steps=12)
    d, scales = _quantise_scales(scale, 15)
    dmin, offsets = _quantise_scales(offset, 15)
    q = _round_affine(parts, d, scales, dmin, offsets, top=3)
    packed = _shift_together(q.reshape(-1, 2, 4, 32), 2).reshape(-1, 64)
    return np.concatenate([scales | (offsets << 4), packed, _half(d), _half(dmin)], axis=1)


def _quantise_q3(values: Any) -> Any:
    np = load_extra("numpy", extra="export")
    parts = values.reshape(len(values), 16, 16)
    d, scales = _quantise_signed_scales(_fit_symmetric(parts, top=4), 32)
    q = _round_symmetric(parts, d, scales, top=4)
    high = (q >> 2).reshape(-1, 8, 32)
    low = _shift_together((q & 3).reshape(-1, 2, 4, 32), 2).reshape(-1, 64)
    stored = (scales + 32).astype("u1")
    nibbles = (stored[:, :8] & 15) | ((stored[:, 8:] & 15) << 4)
    rest = _shift_together((stored >> 4).reshape(-1, 4, 4), 2)
    return np.concatenate([_shift_together(high, 1), low, nibbles, rest, _half(d)], axis=1)


def _quantise_q4(values: Any) -> Any:
    np = load_extra("numpy", extra="export")
    q, scales, d, dmin = _quantise_eight(values, top=15)
    pairs = _shift_together(q.reshape(-1, 4, 2, 32), 4).reshape(-1, 128)
    return np.concatenate([_half(d), _half(dmin), scales, pairs], axis=1)


def _quantise_q5(values: Any) -> Any:
    np = load_extra("numpy", extra="export")
    q, scales, d, dmin = _quantise_eight(values, top=31)
    high = _shift_together((q >> 4).reshape(-1, 8, 32), 1)
    pairs = _shift_together((q & 15).reshape(-1, 4, 2, 32), 4).reshape(-1, 128)
    return np.concatenate([_half(d), _half(dmin), scales, high, pairs], axis=1)


def _quantise_q6(values: Any) -> Any:
    np = load_extra("numpy", extra="export")
    parts = values.reshape(len(values), 16, 16)
    d, scales = _quantise_signed_scales(_fit_symmetric(parts, top=32), 128)
    groups = _round_symmetric(parts, d, scales, top=32).reshape(-1, 2, 4, 32)
    low = (groups & 15).reshape(-1, 2, 2, 64)
    return np.concatenate(
        [
            _shift_together(low, 4).reshape(-1, 128),
            _shift_together(groups >> 4, 2).reshape(-1, 64),
            scales.astype("i1").view("u1"),
            _half(d),
        ],
        axis=1,
    )


QUANTISERS: MappingProxyType[str, Callable[[Any], Any]] = MappingProxyType(
    {"Q2_K": _quantise_q2, "Q3_K": _quantise_q3, "Q4_K": _quantise_q4, "Q5_K": _quantise_q5, "Q6_K": _quantise_q6}
)


def _quantise_eight(values: Any, *, top: int) -> tuple[Any, Any, Any, Any]:
    """Return numbers, packed 6-bit scales and offsets, and the two factors of blocks with eight sub-blocks of 32."""
    np = load_extra("numpy", extra="export")
    parts = values.reshape(len(values), 8, 32)
    size = np.sqrt(np.mean(parts * parts, axis=2, keepdims=True))
    scale, offset = _fit_affine(parts, top=top, weights=size + np.abs(parts) + 1e-12, first=-1.0, steps=14)
    d, scales = _quantise_scales(scale, 63)
    dmin, offsets = _quantise_scales(offset, 63)
    q = _round_affine(parts, d, scales, dmin, offsets, top=top)
    packed = [(part[:, :4] & 63) | ((part[:, 4:] >> 4) << 6) for part in (scales, offsets)]
    packed.append((scales[:, 4:] & 15) | ((offsets[:, 4:] & 15) << 4))
    return q, np.concatenate(packed, axis=1), d, dmin


def _fit_affine(parts: Any, *, top: int, weights: Any, first: float, steps: int) -> tuple[Any, Any]:
    """Return scale and offset of each sub-block so that x is near scale * q - offset for q from 0 to ``top``."""
    np = load_extra("numpy", extra="export")
    low = np.minimum(parts.min(axis=2), 0.0)
    spread = parts.max(axis=2) - low
    safe = np.where(spread > 0, spread, 1.0)
    sum_w = weights.sum(axis=2)
    weighted = weights * parts
    sum_x, sum_xx = weighted.sum(axis=2), (weighted * parts).sum(axis=2)
    best_scale, best_low = spread / top, low
    best = np.full(low.shape, np.inf, "f4")
    for step in range(steps + 1):
        inverse = (top + first + step * (-2 * first / steps)) / safe
        q = np.clip(np.rint((parts - low[..., None]) * inverse[..., None]), 0, top)
        wq = weights * q
        sum_q, sum_qq, sum_xq = wq.sum(axis=2), (wq * q).sum(axis=2), (weighted * q).sum(axis=2)
        with np.errstate(divide="ignore", invalid="ignore"):
            divisor = sum_w * sum_qq - sum_q * sum_q
            scale = (sum_w * sum_xq - sum_x * sum_q) / divisor
            start = (sum_qq * sum_x - sum_q * sum_xq) / divisor
            positive = start > 0
            scale, start = np.where(positive, sum_xq / sum_qq, scale), np.where(positive, 0.0, start)
            error = sum_xx + scale * (scale * sum_qq + 2 * start * sum_q - 2 * sum_xq)
            error += start * (start * sum_w - 2 * sum_x)
        better = np.isfinite(scale) & np.isfinite(start) & (scale >= 0) & (error < best)
        best = np.where(better, error, best)
        best_scale, best_low = np.where(better, scale, best_scale), np.where(better, start, best_low)
    flat = spread <= 0
    return np.where(flat, 0.0, best_scale), -np.where(flat, low, best_low)


def _fit_symmetric(parts: Any, *, top: int) -> Any:
    """Return the scale of each sub-block so that x is near scale * q for q from ``-top`` to ``top - 1``."""
    np = load_extra("numpy", extra="export")
    at = np.argmax(np.abs(parts), axis=2)[..., None]
    largest = np.take_along_axis(parts, at, axis=2)
    safe = np.where(largest == 0, 1.0, largest)
    weights = parts * parts
    best, scale = np.zeros(largest.shape, "f4"), np.zeros(largest.shape, "f4")
    for step in range(-9, 10):
        q = np.clip(np.rint(parts * (-(top + 0.1 * step) / safe)), -top, top - 1)
        wq = weights * q
        sum_xq = (wq * parts).sum(axis=2, keepdims=True)
        sum_qq = (wq * q).sum(axis=2, keepdims=True)
        fit = np.divide(sum_xq * sum_xq, sum_qq, out=np.zeros_like(sum_qq), where=sum_qq > 0)
        better = fit > best
        best = np.where(better, fit, best)
        scale = np.where(better, np.divide(sum_xq, sum_qq, out=np.zeros_like(sum_qq), where=sum_qq > 0), scale)
    return scale[..., 0]


def _quantise_scales(scales: Any, top: int) -> tuple[Any, Any]:
    """Return a factor per block, rounded to float16, and its sub-blocks' scales in multiples of it."""
    np = load_extra("numpy", extra="export")
    factor = _round_half(scales.max(axis=1, keepdims=True) / top)
    whole = np.rint(np.divide(scales, factor, out=np.zeros_like(scales, dtype="f4"), where=factor > 0))
    return factor, np.clip(whole, 0, top).astype("u1")


def _quantise_signed_scales(scales: Any, top: int) -> tuple[Any, Any]:
    np = load_extra("numpy", extra="export")
    at = np.argmax(np.abs(scales), axis=1)[:, None]
    factor = _round_half(np.take_along_axis(scales, at, axis=1) / -top)
    whole = np.rint(np.divide(scales, factor, out=np.zeros_like(scales, dtype="f4"), where=factor != 0))
    return factor, np.clip(whole, -top, top - 1).astype("i2")


def _round_affine(parts: Any, d: Any, scales: Any, dmin: Any, offsets: Any, *, top: int) -> Any:
    np = load_extra("numpy", extra="export")
    scale, offset = (d * scales)[..., None], (dmin * offsets)[..., None]
    q = np.divide(parts + offset, scale, out=np.zeros_like(parts), where=scale > 0)
    return np.clip(np.rint(q), 0, top).astype("u1")


def _round_symmetric(parts: Any, d: Any, scales: Any, *, top: int) -> Any:
    """Return the numbers counted from 0, ``top`` standing for zero."""
    np = load_extra("numpy", extra="export")
    scale = (d * scales)[..., None].astype("f4")
    q = np.divide(parts, scale, out=np.zeros_like(parts), where=scale != 0)
    return (np.clip(np.rint(q), -top, top - 1) + top).astype("u1")


def _shift_together(values: Any, bits: int) -> Any:
    """Return the last axis with the one before it packed into its bytes, ``bits`` for each place, the first lowest."""
    np = load_extra("numpy", extra="export")
    shifts = (np.arange(values.shape[-2], dtype="u1") * bits)[:, None]
    return np.bitwise_or.reduce(values.astype("u1") << shifts, axis=-2)


def _round_half(values: Any) -> Any:
    return values.astype("f2").astype("f4")


def _half(values: Any) -> Any:
    return values.astype("<f2").view("u1").reshape(len(values), 2)
