"""What the page's sections hold: the worst first, cut to a size, and what was cut is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from audit_reports import make_report

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.language import LanguageShare, LanguageSummary
from forgelm.audit.report import sections
from forgelm.audit.report.parts import DuplicateCluster, DuplicateRow, LocatedFinding, Place, SplitDetails

LIMITS = sections.Limits()


def place(row: int) -> Place:
    return Place("train", row, f"train.jsonl:{row + 1}")


def test_the_worst_kinds_come_first_and_count_what_they_do_not_show() -> None:
    emails = tuple(LocatedFinding("pii", "email", "medium", place(row), "text", (0, 5), "***@***") for row in range(40))
    report = make_report()
    by_type = {"email": {"count": 900, "tier": "medium"}, **report.pii_severity["by_type"]}
    report = replace(report, findings=(*report.findings, *emails), pii_severity={"by_type": by_type})
    kinds = sections.list_kinds(report, LIMITS)
    assert [(kind.name, kind.what, kind.level, kind.count) for kind in kinds] == [
        ("aws_access_key", "credential", "critical", 1),
        ("credit_card", "personal data", "critical", 1),
        ("email", "personal data", "medium", 900),
    ]
    assert [kind.open for kind in kinds] == [True, True, False]
    assert (len(kinds[2].places), kinds[2].left) == (10, 890)


def test_leaks_are_stated_both_ways_the_worst_first() -> None:
    first, second = sections.list_leaks(make_report())
    assert (first.of, first.into, first.rows, first.rate, first.prompts) == ("test", "train", 1, 1.0, 1)
    assert (second.of, second.into, second.rows, second.rate) == ("train", "test", 1, 0.2)
    pairs = {"train__test": dict.fromkeys(make_report().cross_split_overlap["pairs"]["train__test"], 0)}
    assert len(sections.list_leaks(replace(make_report(), cross_split_overlap={"pairs": pairs}))) == 2
    assert sections.list_leaks(replace(make_report(), cross_split_overlap={"pairs": pairs}, prompt_overlap={})) == []
    without_prompts = sections.list_leaks(replace(make_report(), prompt_overlap={}))
    assert {leak.prompts for leak in without_prompts} == {None}


def test_rows_of_a_cluster_are_compared_with_its_first() -> None:
    rows = tuple(
        DuplicateRow(place(row), text) for row, text in enumerate(("one two", "one three", "one two", "", "left out"))
    )
    (cluster,) = sections.list_clusters(replace(make_report(), duplicates=(DuplicateCluster(7, False, rows),)), LIMITS)
    assert (cluster.size, len(cluster.rows), len(cluster.places), cluster.left) == (7, 4, 5, 2)
    assert [piece.kind for piece in cluster.rows[1].pieces] == ["same", "removed", "added"]
    assert [row.note for row in cluster.rows][:3] == [", the first of them", "", ", the same as far as shown"]


def test_equal_rows_are_shown_once() -> None:
    rows = tuple(DuplicateRow(place(row), "the same") for row in range(5))
    (cluster,) = sections.list_clusters(replace(make_report(), duplicates=(DuplicateCluster(412, True, rows),)), LIMITS)
    assert (len(cluster.rows), cluster.places[-1], cluster.left) == (1, "train.jsonl:5", 407)


def test_examples_are_cut_and_made_visible() -> None:
    rows = (DuplicateRow(place(0), "\u202e" + "x" * 5000), DuplicateRow(place(1), "y"))
    (cluster,) = sections.list_clusters(replace(make_report(), duplicates=(DuplicateCluster(2, False, rows),)), LIMITS)
    shown = "".join(piece.text for piece in cluster.rows[0].pieces)
    assert shown.startswith("\\u202exxx")
    assert shown.endswith("more characters")
    assert len(shown) < 600


def test_conversations_name_rows_as_people_count_them() -> None:
    (split,) = sections.list_conversations(make_report(), LIMITS)
    assert split["text"] == "Turns: 5 of user, 4 of assistant."
    assert split["issues"] == [{"text": "an empty turn", "count": 1, "share": 0.2, "rows": "3"}]


def test_labels_and_good_order_are_said() -> None:
    summary = TurnSummary(4, turns={"user": 1}, labels={"true": 3, "false": 1})
    (split,) = sections.list_conversations(
        replace(make_report(), details={"a": SplitDetails(conversations=summary)}), LIMITS
    )
    assert split["text"] == "Turns: 1 of user. 75% of the labels are true. Nothing is wrong with their order."


def test_lengths_say_what_is_cut_and_what_to_do() -> None:
    tokens, characters = sections.list_lengths(make_report(), LIMITS)
    assert (tokens.unit, characters.unit) == ("tokens", "characters")
    assert tokens.text.startswith("5 rows with text, from 3 to 55 tokens; mean 18, median 10")
    assert tokens.cut == "max_length 32 would cut 1 row (20%); 26.1% of the tokens are beyond it."
    assert "A run takes them in random order, rows of a batch joined:" in (tokens.advice or "")
    assert (characters.cut, characters.advice) == (None, None)


def test_languages_say_how_much_was_looked_at() -> None:
    many = tuple(LanguageShare(f"x{number}", 1, 0.01, 0.0, 0.1, 0.5) for number in range(20))
    details = {
        "a": SplitDetails(languages=LanguageSummary(5, 5, many)),
        "b": SplitDetails(languages=LanguageSummary(2000, 50_000, many[:1])),
        "c": SplitDetails(languages=LanguageSummary(0, 0, ())),
    }
    a, b = sections.list_languages(replace(make_report(), details=details), LIMITS)
    assert (a["text"], len(a["languages"]), a["left"]) == ("every row looked at", 12, 8)
    assert (b["text"], b["left"]) == ("2,000 rows of 50,000 looked at", 0)


def test_every_quality_check_has_a_meaning() -> None:
    quality = sections.describe_quality(make_report())
    assert quality is not None
    assert quality["checks"] == [
        {
            "name": "low_alpha_ratio",
            "meaning": "fewer than 70% of the characters are letters",
            "count": 1,
            "share": pytest.approx(1 / 6),
        }
    ]
    assert sections.describe_quality(replace(make_report(), quality_summary={})) is None


def test_columns_and_files_and_settings() -> None:
    scanned, excluded = sections.list_columns(make_report())
    assert (scanned["filled"], scanned["scanned"]) == ("100%", "yes")
    assert (excluded["types"], excluded["scanned"]) == ("text, number", "excluded by name")
    first, second = sections.list_files(make_report())
    assert (first["size"], second["size"], second["sha256"]) == ("2.05 kB", "-", None)
    settings = dict(sections.list_settings(make_report()))
    assert settings["near duplicates"] == "SimHash within 3 bits, and at least 80% of the words in common"
    minhash = replace(make_report().settings, dedup_method="minhash", language_sample_rows=None)
    settings = dict(sections.list_settings(replace(make_report(), settings=minhash)))
    assert settings["near duplicates"].startswith("MinHash of 128 permutations at 0.85")
    assert settings["languages"] == "every row"
