"""The terminal's text: verdict, what to look at, splits; folded unless more is asked for."""

from __future__ import annotations

from dataclasses import replace

from audit_reports import make_report

from forgelm.audit.report.parts import RowProblem, SplitDetails
from forgelm.audit.report.record import AuditReport
from forgelm.audit.report.terminal import describe_gate, describe_split, is_clean, render_terminal


def make_three_splits() -> AuditReport:
    report = make_report()
    clean = report.splits["test"] | {"parse_errors": 0}
    return replace(report, splits={"train": report.splits["train"], "test": clean, "dev": clean})


def test_the_verdict_is_the_first_word() -> None:
    lines = render_terminal(make_report()).splitlines()
    assert lines[0] == "FAILED  set: 6 rows in 2 splits"
    assert lines[1].split(maxsplit=3) == ["pii", "gate", "failed", "credit_card 1"]
    assert lines[5].strip().startswith("critical  1 credential")


def test_clean_splits_are_folded_unless_asked_for() -> None:
    short = render_terminal(make_three_splits())
    assert "  2 clean splits not shown (test, dev); --verbose shows them" in short.splitlines()
    assert "1 broken row" in short
    long = render_terminal(make_three_splits(), verbose=True)
    assert "not shown" not in long
    table = [line.split() for line in long.splitlines()]
    assert [words[0] for words in table[-5:-2]] == ["train", "test", "dev"]
    assert table[-5][-2:] == ["en", "80%"]


def test_many_headlines_are_folded_and_counted() -> None:
    report = make_report()
    problems = {
        str(number): SplitDetails(
            lengths=report.details["train"].lengths, problems=(RowProblem("r", "reason", 1, True, ()),)
        )
        for number in range(20)
    }
    report = replace(report, details=problems)
    assert "  and 16 more; --verbose shows them" in render_terminal(report).splitlines()
    assert "more; --verbose" not in render_terminal(report, verbose=True)


def test_a_passed_gate_says_what_it_did_not_judge() -> None:
    report = make_report()
    gate = replace(
        report.gates[0],
        status="passed",
        critical_total=0,
        critical_types=(),
        advisory_total=3,
        advisory_types=("email",),
    )
    assert describe_gate(report, gate) == "nothing critical; 3 other matches, which it does not judge"
    allowed = replace(report.gates[1], status="suppressed", allowed=True)
    assert describe_gate(report, allowed) == "aws_access_key 1; let through by --allow-secrets"


def test_colours_only_when_asked_for_and_nothing_from_the_data_adds_any() -> None:
    report = replace(make_report(), source_input="\x1b[31mset", notes=["\x1b]0;owned\x07 note"])
    assert "\x1b" not in render_terminal(report)
    coloured = render_terminal(report, colour=True)
    assert coloured.startswith("\x1b[1;31mFAILED\x1b[0m")
    assert "\x1b[31mset" not in coloured
    assert "\x1b]" not in coloured


def test_a_split_without_rows_is_not_called_clean() -> None:
    assert describe_split({"sample_count": 0}) == "no rows"
    assert not is_clean({"sample_count": 0}) and is_clean({"sample_count": 1})


def test_a_split_that_breaks_off_still_says_what_was_found_in_it() -> None:
    assert describe_split({"error": "reason", "sample_count": 0}) == "could not be read"
    assert describe_split({"error": "reason", "sample_count": 5, "parse_errors": 2}) == (
        "was not read to its end, 2 broken rows"
    )
