"""Texts that are hard to tokenise, for the tests of both engines."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = (
    *("a", "Bc", "word", "don't", "'", "''", "_", "7", "good line here.\n", "Alpha line number.\n", "x" * 17, "y" * 70),
    *(
        " ",
        "  ",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\t",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x1f",
        "\x85",
        "\u2028",
        "\u00a0",
        "\u3000",
    ),
    *(".", "!", "”", "…", "`", "```", "~~~", "\n```\n", "\n~~~~\n", "-", "(", ")"),
    *(
        "é",
        "É",
        "İ",
        "\u0131",
        "ß",
        "ẞ",
        "Σ",
        "\u03c3",
        "ΑΣ",
        "Ⱥ",
        "日本",
        "語",
        "²",
        "½",
        "٣",
        "ก",
        "e\u0301",
        "ﬁ",
        "Ⅷ",
        "ª",
    ),
    *("😀", "𐐀", "\U0001d518", "\U0001e900", "\U000e0041", "\U0010ffff", "\0", "\x7f", "\x80", "\ud800", "\udfff"),
)

EVIL = (
    "",
    "x" * 8,
    "x" * 63 + " y",
    "x" * 64,
    "x" * 65,
    "x" * 4096,
    "a" * 4095 + " " + "b" * 4097,
    "é" * 3000,
    "word " * 5000,
    "\n" * 5000,
    "'" * 5000,
    "`" * 5000,
    "\0" * 200,
    "a\n" * 3000,
    "line one.\nline two.\n" * 400,
    "日本語" * 700,
    "Σ" * 200,
    " ".join(chr(code) for code in range(0x110, 0x2FF0)),
)


def texts(most: int = 40) -> st.SearchStrategy[str]:
    """Runs of pieces, and any other text."""
    return st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=5), max_size=most).map("".join)
