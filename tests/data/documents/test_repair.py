"""Cleaning: glyphs, script, patterns, URLs."""

from __future__ import annotations

import pytest

from forgelm.data.documents.record import Document, DocumentError, Page, ReadOptions
from forgelm.data.documents.repair import check_patterns, repair


def test_each_step() -> None:
    document = Document((Page("Ýstanbul X1 https://a.b/c.", 1),))
    done = repair(document, ReadOptions(profile="turkish", strip_patterns=(r"X\d ",), urls="strip"))
    assert done.pages[0].text == "İstanbul ."
    assert done.counts == {"strip_pattern_substitutions": 1, "urls_handled": 1}
    assert "not of language 'en'" in repair(Document((Page("яяя"),)), ReadOptions(language_hint="en")).notes[0]


def test_half_a_surrogate_pair_has_no_form_in_a_file() -> None:
    assert repair(Document((Page("a\ud800b"),)), ReadOptions()).pages[0].text == "a?b"


def test_a_pattern_that_takes_too_long_ends() -> None:
    slow = ReadOptions(strip_patterns=(r"(a|aa)+$",), pattern_timeout_seconds=0.2)
    with pytest.raises(DocumentError, match="within"):
        repair(Document((Page("a" * 60 + "b"),)), slow)
    with pytest.raises(DocumentError, match="repeated group"):
        check_patterns(("(a+)+",))
