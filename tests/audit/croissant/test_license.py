"""The licence a dataset's card states, and what is no statement."""

from __future__ import annotations

from pathlib import Path

import pytest

from forgelm.audit.croissant.license import find_license


@pytest.mark.parametrize(
    ("card", "stated"),
    [
        ("---\nlicense: apache-2.0\n---\n# Data\n", "apache-2.0"),
        ("\ufeff---\r\nlicense: [mit]\r\n---\r\n", "mit"),
        (
            "---\nlicense: other\nlicense_name: house\nlicense_link: https://example.org/l\n---\n",
            "https://example.org/l",
        ),
        ("---\nlicense: other\nlicense_name: house terms\n---\n", "house terms"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", None),
        ("---\nlicense: ''\n---\n", None),
        ("---\nlicense: 7\n---\n", None),
        ("---\n- license\n---\n", None),
        ("---\nlicense: {broken\n---\n", None),
        ("---\nlicense: mit\n", None),
        ("license: mit\n", None),
        ("", None),
        ("---\na: " + "[" * 20_000 + "\n---\n", None),
    ],
)
def test_only_a_statement_counts(card: str, stated: str | None, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert find_license(tmp_path) == stated


def test_no_card_states_nothing(tmp_path: Path) -> None:
    assert find_license(tmp_path) is None
    (tmp_path / "README.md").mkdir()
    assert find_license(tmp_path) is None
