"""A reply holds a grade, or it counts as unparsable; nothing is guessed."""

from __future__ import annotations

import pytest

from forgelm.evaluate.judge.parse import parse_comparison, parse_reason, parse_score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"score": 7, "reason": "fine"}', 7.0),
        ('  {"score": 7.5}\n', 7.5),
        ('{"score": "8"}', 8.0),
        ('{"score": 0}', 1.0),
        ('{"score": -3}', 1.0),
        ('{"score": 11}', 10.0),
        ('{"score": 1e300}', 10.0),
        ('```json\n{"score": 4}\n```', 4.0),
        ('Here it is:\n```\n{"score": 4}\n```\nGoodbye', 4.0),
        ('```json\n{"score": 4}\n```\nagain\n```json\n{"score": 4, "reason": "x"}\n```', 4.0),
        ('<think>maybe {"score": 1}</think>\n{"score": 9}', 9.0),
        ('<thinking>\n```json\n{"score": 1}\n```\n</thinking>```json\n{"score": 9}\n```', 9.0),
        ('```json\n{"score": 10}\n```\nbut really\n```json\n{"score": 2}\n```', None),
        ('```json\n{"score": 10}\n```\nbut really\n```json\n{"score": null}\n```', None),
        ('The answer says {"score": 10}, which I ignore.', None),
        ("8", None),
        ("8/10", None),
        ('{"score": "8/10"}', None),
        ('{"score": true}', None),
        ('{"score": null}', None),
        ('{"score": [8]}', None),
        ('{"score": NaN}', None),
        ('{"score": Infinity}', None),
        ('{"score": "nan"}', None),
        ('{"points": 8}', None),
        ('[{"score": 8}]', None),
        ('{"score": 8', None),
        ("", None),
        ("[" * 100_000, None),
        ('{"score": ' + "9" * 5000 + "}", None),
    ],
)
def test_points(text: str, score: float | None) -> None:
    assert parse_score(text) == score


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ('{"reason": "x", "better": "A"}', "A"),
        ('{"better": " b "}', "B"),
        ('{"better": "TIE"}', "tie"),
        ('```json\n{"better": "A"}\n```', "A"),
        ('```json\n{"better": "A"}\n```\n```json\n{"better": "B"}\n```', None),
        ('{"better": "both"}', None),
        ('{"better": null}', None),
        ('{"score": 7}', None),
        ("A", None),
        ("", None),
    ],
)
def test_who_is_better(text: str, better: str | None) -> None:
    assert parse_comparison(text) == better


def test_a_reason() -> None:
    assert parse_reason('{"score": 7, "reason": "fine"}') == "fine"
    assert parse_reason('{"score": 7, "reason": 3}') is None
    assert parse_reason("no") is None
