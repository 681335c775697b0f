"""Charts as SVG: every row is drawn, nothing is outside, and nobody needs to see it to know what it says."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.audit.lengths import LengthSummary, summarize_lengths
from forgelm.audit.report.charts import draw_bar, draw_histogram, shorten


def summarize(lengths: list[int]) -> LengthSummary:
    summary = summarize_lengths(np.array(lengths, np.int32))
    assert summary is not None
    return summary


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=50), st.integers(1, 10**7))
def test_every_row_is_drawn_inside_the_picture(lengths: list[int], limit: int) -> None:
    svg = ElementTree.fromstring(draw_histogram(summarize(lengths), "tokens", limit))
    left, top, width, height = map(float, svg.attrib["viewBox"].split())
    bars = [element for element in svg if element.tag == "rect"]
    drawn = [
        int(found[1].replace(",", "")) for bar in bars if (found := re.search(r": ([\d,]+) rows?$", bar[0].text or ""))
    ]
    assert sum(drawn) == len(lengths)
    for bar in bars:
        x, y, w, h = (float(bar.attrib[name]) for name in ("x", "y", "width", "height"))
        assert left <= x and x + w <= left + width + 1
        assert top <= y and y + h <= top + height
    for line in (element for element in svg if element.tag == "line"):
        assert left <= float(line.attrib["x1"]) <= left + width


def test_rows_over_the_limit_stand_out() -> None:
    svg = draw_histogram(summarize([10, 20, 4000]), "tokens", 2048)
    assert svg.count('class="bar over"') == 1
    assert svg.count('class="bar"') == 2
    assert "max_length 2,048" in svg
    assert "over" not in draw_histogram(summarize([10, 20, 4000]), "tokens")


@pytest.mark.parametrize("lengths", [[10, 20, 4000], [100] * 30, [100] * 30 + [110, 10**6], [5] * 19 + [6]])
def test_labels_are_never_written_over_each_other(lengths: list[int]) -> None:
    svg = ElementTree.fromstring(draw_histogram(summarize(lengths), "tokens", 100))
    places = [
        (float(text.attrib["y"]), float(text.attrib["x"]), text.attrib["text-anchor"], len(text.text or ""))
        for text in svg.iter("text")
        if text.attrib["class"] != "tick"
    ]
    spans = [(y, x - 7 * size if anchor == "end" else x, x if anchor == "end" else x + 7 * size)
             for y, x, anchor, size in places]  # fmt: skip
    assert len(spans) == 3
    for (y, start, end), (other_y, other_start, other_end) in combinations(spans, 2):
        assert abs(y - other_y) >= 14 or end <= other_start or other_end <= start


def test_it_says_what_it_shows() -> None:
    svg = ElementTree.fromstring(draw_histogram(summarize([10, 20, 4000]), "characters"))
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == (
        "Histogram of 3 rows by length in characters: from 10 to 4,000, median 20, 95 percent up to 4,000"
    )


@pytest.mark.parametrize(("share", "width"), [(0.0, "0.0"), (0.0001, "1.0"), (0.5, "50.0"), (7.0, "100.0")])
def test_a_bar_shows_that_there_is_something(share: float, width: str) -> None:
    fill = ElementTree.fromstring(draw_bar(share, "high"))[1]
    assert (fill.attrib["width"], fill.attrib["class"]) == (width, "fill high")


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1250, "1.25k"), (40_000, "40k"), (123_456, "123k"), (2_000_000, "2M")],
)
def test_axes_are_short(number: int, shown: str) -> None:
    assert shorten(number) == shown
