"""The five heuristics, one text at a time."""

from __future__ import annotations

import pytest

from forgelm.audit.rows.quality import CHECKS, Quality, judge_text, strip_fenced_code, summarize_quality

GOOD = "This is a good line of prose here."
WORDS = ("one", "two", "six", "red", "big", "old", "new", "hot", "dry", "wet")
LINES = [f"This is {word} line of several words." for word in WORDS]
EVALUATED = Quality.EVALUATED


def _flags(text: str) -> set[str]:
    found = judge_text(text)
    assert found & EVALUATED
    return {name for name, flag in CHECKS.items() if found & flag}


def test_the_checks_are_those_of_the_report() -> None:
    assert list(CHECKS) == [
        "low_alpha_ratio",
        "low_punct_endings",
        "abnormal_mean_word_length",
        "short_paragraphs",
        "repeated_lines",
    ]


@pytest.mark.parametrize("text", ["", "   ", "\n\t\u00a0\n"])
def test_blank_text_is_not_evaluated(text: str) -> None:
    assert judge_text(text) is Quality.NONE


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (GOOD, set()),
        ("abcdefg123 words stand here now.", set()),
        ("7 out of 10 = 70 %: (1) 22 + 33.", {"low_alpha_ratio", "abnormal_mean_word_length"}),
        ("!!!\n!!!\n!!!", {"low_alpha_ratio"}),
        (f"{GOOD}\nthis line just stops", set()),
        (f"{GOOD}\nthis line just stops\nand so does this", {"low_punct_endings"}),
        ("The speaker said: “This must be the ending.”", set()),
        ("ab cd ef gh ij kl mn.", {"abnormal_mean_word_length"}),
        ("abc def ghi jkl mno.", set()),
        ("abcdefghijkl abcdefghijkl abcdefghijkl abcdefghijkl abcdefghijkl.", set()),
        ("abcdefghijkl abcdefghijkl abcdefghijkl abcdefghijkl abcdefghijklm.", {"abnormal_mean_word_length"}),
        ("don't it's we're he'd she'll.", set()),
        (f"{GOOD}\n\nJust three words.", set()),
        (f"{GOOD}\n\nJust three words.\n \t\nJust three more.", {"short_paragraphs"}),
        (f"{GOOD}\r\n\r\nJust three words.\r\n\r\nJust three more.", {"short_paragraphs"}),
    ],
)
def test_flags(text: str, flags: set[str]) -> None:
    assert _flags(text) == flags


@pytest.mark.parametrize(
    ("rows", "repeated"),
    [
        ([0, 0], False),
        ([0, 0, 1], True),
        ([0, 0, 1, 2, 3, 4], True),
        ([0, 0, 1, 2, 3, 4, 5], False),
        ([0, 0, 0, 1, 2, 3, 4, 5, 6, 7], False),
        ([0, 0, 0, 1, 2, 3, 4, 5, 6], True),
        ([0, 0, 1, 1, 2, 3, 4, 5, 6, 7], True),
        ([0, 1, 2, 3, 4, 5], False),
    ],
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\n\n", "\u2028"])
def test_repeated_lines(rows: list[int], repeated: bool, line_break: str) -> None:
    assert ("repeated_lines" in _flags(line_break.join(LINES[row] for row in rows))) is repeated


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("a\n```python\n1+1\n```\nb\n", "a\nb\n"),
        ("~~~\n```\n1\n~~~\nb", "b"),
        ("````\n```\n1\n```\n````\nb", "b"),
        ("   ```\n1\n   `````\nb", "b"),
        ("```\n1\n```\nmiddle\n```\n2\n```", "middle\n"),
        ("a\n```\nnever closed", "a\n```\nnever closed"),
        ("a\n    ```\n1\n    ```", "a\n    ```\n1\n    ```"),
        ("```\n1\n``` tail\n2", "```\n1\n``` tail\n2"),
        ("inline ```x``` code", "inline ```x``` code"),
        ("```one `two` three\n1\n```", "```one `two` three\n1\n```"),
    ],
)
def test_fenced_code_is_left_out(text: str, prose: str) -> None:
    assert strip_fenced_code(text) == prose


def test_pure_code_raises_no_flag() -> None:
    assert judge_text("```\n1 + 1 == 2\n```") == EVALUATED


def test_code_in_prose_raises_no_flag() -> None:
    assert _flags(f"{GOOD}\n```\n1 2 3 4 5\n6 7 8 9 0\n```\n{GOOD}") == set()


def test_a_text_of_nothing_but_fences_is_linear() -> None:
    text = "".join("`" * (3 + number % 50) + f"x{number}\n" for number in range(20_000))
    assert strip_fenced_code(text) == text


def test_the_summary_counts_rows_and_checks() -> None:
    flags = [judge_text(text) for text in (GOOD, GOOD, "!!!", "ab cd ef gh ij kl 12 34 56", "", "```\n1\n```")]
    counts = [flags.count(Quality(value)) for value in range(64)]
    assert summarize_quality(counts) == {
        "samples_flagged": 2,
        "samples_evaluated": 5,
        "by_check": {
            "low_alpha_ratio": 2,
            "low_punct_endings": 1,
            "abnormal_mean_word_length": 1,
            "short_paragraphs": 0,
            "repeated_lines": 0,
        },
        "overall_quality_score": 0.6,
    }
    assert summarize_quality([7])["overall_quality_score"] == 1.0
