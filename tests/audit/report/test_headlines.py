"""What a person is told to look at: everything that was found, the worst first, and nothing when nothing was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from audit_reports import make_report

from forgelm.audit.conversations import Issue, TurnSummary
from forgelm.audit.findings import SEVERITIES
from forgelm.audit.report.headlines import describe_issue, list_headlines
from forgelm.audit.report.parts import Place, RowProblem, SplitDetails
from forgelm.audit.report.record import AuditReport


def make_clean() -> AuditReport:
    """The same report with nothing found in it."""
    report = make_report()
    gates = tuple(
        replace(gate, status="passed", severity=None, critical_total=0, critical_types=()) for gate in report.gates
    )
    pairs = {"train__test": dict.fromkeys(report.cross_split_overlap["pairs"]["train__test"], 0)}
    quality = report.quality_summary | {"samples_flagged": 0, "by_check": {"low_alpha_ratio": 0}}
    return replace(
        report, gates=gates, findings=(), pii_summary={}, secrets_summary={}, notes=[],
        pii_severity={"total": 0, "by_tier": {}, "by_type": {}, "worst_tier": None},
        cross_split_overlap={"method": "simhash", "pairs": pairs}, prompt_overlap={}, contamination=None,
        duplicates=(), duplicate_rows=0, duplicate_clusters=0, quality_summary=quality,
        details={"train": SplitDetails(), "test": SplitDetails()},
        splits={name: split | {"parse_errors": 0, "near_duplicate_pairs": 0} for name, split in report.splits.items()},
    )  # fmt: skip


def texts(report: AuditReport) -> list[str]:
    return [headline.text for headline in list_headlines(report)]


def test_nothing_found_is_nothing_to_look_at() -> None:
    assert list_headlines(make_clean()) == []


def test_the_worst_comes_first() -> None:
    levels = [headline.level for headline in list_headlines(make_report())]
    assert levels == sorted(levels, key=SEVERITIES.index)
    first, second, *_ = list_headlines(make_report())
    assert (first.text, first.where) == ("1 credential: aws_access_key 1", "data.jsonl:2, text")
    assert (second.text, second.where) == (
        "1 critical match of personal data: credit_card 1",
        "data.jsonl:5, messages[1].content",
    )


def test_everything_in_the_report_has_its_sentence() -> None:
    assert texts(make_report())[2:] == [
        "1 row of test (100%) repeats train",
        "1 row holds text of the benchmark exam",
        "1 row could not be read: not JSON",
        "1 prompt of test (100%) is in train as well",
        "2 rows (33.3%) repeat an earlier one",
        "1 row has an empty turn",
        "max_length 32 cuts 1 row of train (20%) and loses 26.1% of the tokens",
        "1 row (16.7%) with a quality flag: low_alpha_ratio 1",
    ]


def test_what_was_allowed_stays_at_the_top_and_says_so() -> None:
    report = make_report()
    gates = tuple(replace(gate, status="suppressed", allowed=True) for gate in report.gates)
    assert texts(replace(report, gates=gates))[0] == "1 credential: aws_access_key 1 (allowed)"


def test_what_a_gate_only_mentions_has_its_own_tier() -> None:
    by_type = {"us_ssn": {"count": 2, "tier": "high"}, "email": {"count": 7, "tier": "medium"}}
    found = list_headlines(replace(make_clean(), pii_severity={"by_type": by_type}))
    assert [(headline.level, headline.text) for headline in found] == [
        ("high", "2 matches of personal data: us_ssn 2"),
        ("medium", "7 matches of personal data: email 7"),
    ]


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ({"error": "not Parquet", "sample_count": 0}, "train could not be read: not Parquet"),
        ({"error": "it breaks off"}, "train was not read to its end: it breaks off"),
        ({"sample_count": 0}, "train has no row"),
        ({"null_or_empty_count": 3}, "3 rows without any text"),
        ({"schema_drift_columns": ["a"]}, "not every row of train has the column a"),
        (
            {"schema_drift_columns": ["a", "b", "c", "d", "e"]},
            "not every row of train has the columns a, b, c, d and 1 more",
        ),
    ],
)
def test_what_only_the_split_says(split: dict[str, Any], text: str) -> None:
    report = make_clean()
    assert texts(replace(report, splits=report.splits | {"train": report.splits["train"] | split})) == [text]


@pytest.mark.parametrize(("count", "level"), [(1, "medium"), (500, "high")])
def test_many_broken_rows_weigh_more_than_a_few(count: int, level: str) -> None:
    problem = RowProblem("not_json", "not JSON", count, True, (Place("train", 5, "data.jsonl:6"),))
    report = replace(make_clean(), total_samples=1000, details={"train": SplitDetails(problems=(problem,))})
    (headline,) = list_headlines(report)
    assert (headline.level, headline.where) == (level, "data.jsonl:6")


def test_reasons_are_counted_where_there_are_several() -> None:
    problems = (
        RowProblem("not_json", "not JSON", 1, True, ()),
        RowProblem("not_object", "JSON, but not an object", 2, True, ()),
    )
    found = texts(replace(make_clean(), details={"train": SplitDetails(problems=problems)}))
    assert found == ["3 rows could not be read: JSON, but not an object (2); not JSON (1)"]


def test_the_first_row_of_an_issue_is_named_as_people_count() -> None:
    found = {headline.text: headline.where for headline in list_headlines(make_report())}
    assert found["1 row has an empty turn"] == "row 3 of train"


def test_every_issue_of_conversations_has_words_and_a_level() -> None:
    summary = TurnSummary(9, dict.fromkeys([issue.value for issue in Issue], 2))
    found = list_headlines(replace(make_clean(), details={"train": SplitDetails(conversations=summary)}))
    assert len(found) == len(Issue)
    assert all(describe_issue(issue) != issue.value for issue in Issue)
    assert "2 rows have the same answer as chosen and as rejected" in [headline.text for headline in found]


def test_hostile_names_cannot_act() -> None:
    report = make_clean()
    found = texts(replace(report, splits={"\x1b[2J": {"error": "\u202eevil\nline"}}))
    assert found == ["\\x1b[2J could not be read: \\u202eevil\\nline"]
