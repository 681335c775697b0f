"""Chunks: nothing lost, nothing over size but whole paragraphs, headings carried."""

from __future__ import annotations

from forgelm.data.chunk import Cutting, cut


def test_paragraphs_are_packed_and_a_long_one_stays_whole() -> None:
    text = "aaaa\n\nbbbb\n\n" + "c" * 30
    assert [chunk.text for chunk in cut(text, Cutting(size=12))] == ["aaaa\n\nbbbb", "c" * 30]


def test_windows_overlap_and_cover_the_text() -> None:
    text = "0123456789" * 3
    chunks = cut(text, Cutting("sliding", 10, 4))
    assert all(len(chunk.text) <= 10 and text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert {at for chunk in chunks for at in range(chunk.start, chunk.end)} == set(range(30))
    assert chunks[1].start == 6


def test_sections_carry_the_headings_above_and_fences_are_opaque() -> None:
    text = "# A\none\n## B\n```\n# no heading\n```\n## C\ntwo\n"
    chunks = [chunk.text for chunk in cut(text, Cutting("markdown", 10))]
    assert chunks == ["# A\none", "# A\n\n## B\n```\n# no heading\n```", "# A\n\n## C\ntwo"]


def test_tokens_are_counted_where_they_are_given() -> None:
    def words(text: str) -> list[tuple[int, int]]:
        return [(at, at + 1) for at, char in enumerate(text) if char != " "]

    chunks = cut("a b c d e", Cutting("sliding", 2, 0, words))
    assert "".join(chunk.text for chunk in chunks) == "a b c d e"
    assert len(chunks) == 3
