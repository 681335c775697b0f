"""Numbers to inline SVG. Colours come from the page's style sheet, and no text from the data gets in."""

from __future__ import annotations

from bisect import bisect_right
from html import escape

from forgelm.audit.lengths import Histogram, LengthSummary
from forgelm.audit.report.wording import count_of

_WIDTH, _HEIGHT, _AXIS = 720, 150, 34
_TICKS = 7
_LETTER = 7.5  # about the width of one in a label
_ABOVE = 46  # room for three labels above the bars


def draw_histogram(summary: LengthSummary, unit: str, limit: int | None = None) -> str:
    """Return the histogram of lengths counted in ``unit``, with the median, p95 and ``limit`` marked.

    Buckets widen with the length, so the axis is logarithmic; rows beyond ``limit`` stand out.
    """
    histogram = summary.histogram
    tallest = max(histogram.counts, default=0) or 1
    step = _WIDTH / max(len(histogram.counts), 1)
    bars = []
    for place, count in enumerate(histogram.counts):
        if not count:
            continue
        height = max(_HEIGHT * count / tallest, 1.5)
        low, high = histogram.edges[place], histogram.edges[place + 1] - 1
        style = "bar over" if limit is not None and low > limit else "bar"
        title = f"{low:,} {unit}" if low == high else f"{low:,} to {high:,} {unit}"
        bars.append(
            f'<rect class="{style}" x="{place * step + 0.5:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{max(step - 1, 0.5):.1f}" height="{height:.1f}" rx="1">'
            f"<title>{escape(title)}: {count_of(count, 'row')}</title></rect>"
        )
    # Side by side where there is room between them, else one above the other.
    is_near = _locate(histogram, summary.p95) - _locate(histogram, summary.p50) < _LETTER * (len("median") + 1)
    height = 26 if is_near else 12
    marks = [_mark(histogram, summary.p50, "median", 12), _mark(histogram, summary.p95, "p95", height)]
    if limit is not None:
        marks.append(_mark(histogram, limit, f"max_length {limit:,}", height + 14, style="limit"))
    label = (
        f"Histogram of {summary.rows:,} rows by length in {unit}: from {summary.min:,} to {summary.max:,}, "
        f"median {summary.p50:,}, 95 percent up to {summary.p95:,}"
    )
    return (
        f'<svg class="histogram" viewBox="0 {-_ABOVE} {_WIDTH} {_HEIGHT + _AXIS + _ABOVE}" role="img" '
        f'aria-label="{escape(label)}">'
        f'{"".join(bars)}<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
        f"{_draw_ticks(histogram)}{''.join(marks)}</svg>"
    )


def draw_bar(share: float, style: str = "") -> str:
    """Return a bar that is filled to ``share`` (0 to 1); its value stands beside it as text."""
    filled = min(max(share, 0.0), 1.0) * 100
    if filled:
        filled = max(filled, 1.0)
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="2"/>'
        f'<rect class="fill {escape(style)}" width="{filled:.1f}" height="8" rx="2"/></svg>'
    )


def shorten(number: int) -> str:
    """Return a number as an axis shows it: 950, 1.2k, 40k, 3M."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}" if number < 100 * size else f"{number / size:.0f}{letter}"
    return str(number)


def _draw_ticks(histogram: Histogram) -> str:
    buckets = len(histogram.counts)
    step = _WIDTH / max(buckets, 1)
    places = sorted({round(tick * buckets / (_TICKS - 1)) for tick in range(_TICKS)}) if buckets else []
    drawn = []
    for place in places:
        anchor = "start" if place == 0 else "end" if place == buckets else "middle"
        value = histogram.edges[place] - (place == buckets)
        at = f'x="{place * step:.1f}" y="{_HEIGHT + 18}"'
        drawn.append(f'<text class="tick" {at} text-anchor="{anchor}">{shorten(value)}</text>')
    return "".join(drawn)


def _mark(histogram: Histogram, value: int, label: str, height: int, *, style: str = "mark") -> str:
    x = _locate(histogram, value)
    anchor = "end" if x + _LETTER * len(label) > _WIDTH else "start"
    shift = -4 if anchor == "end" else 4
    return (
        f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{-height}" y2="{_HEIGHT}"/>'
        f'<text class="{style}" x="{x + shift:.1f}" y="{3 - height}" text-anchor="{anchor}">{escape(label)}</text>'
    )


def _locate(histogram: Histogram, value: int) -> float:
    """Return where on the axis ``value`` stands, inside its bucket in proportion."""
    edges, buckets = histogram.edges, len(histogram.counts)
    if value >= edges[-1]:
        return _WIDTH
    place = max(bisect_right(edges, value) - 1, 0)
    inside = max(value - edges[place], 0) / max(edges[place + 1] - edges[place], 1)
    return _WIDTH * (place + inside) / max(buckets, 1)
