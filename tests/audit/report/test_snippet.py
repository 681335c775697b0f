"""What a notebook shows: small, without requests, and deaf to hostile names."""

from __future__ import annotations

import re
from dataclasses import replace

from audit_reports import make_report

from forgelm.audit.report.parts import RowProblem, SplitDetails


def test_a_notebook_shows_the_verdict_and_the_worst() -> None:
    shown = make_report()._repr_html_()
    assert shown.index("FAILED") < shown.index("1 credential: aws_access_key 1") < shown.index("repeats train")
    assert "and 2 more things to look at" in shown
    assert len(shown) < 5000


def test_nothing_in_it_is_fetched_or_run() -> None:
    shown = make_report()._repr_html_()
    assert not re.search(r"<(script|img|link|iframe|style|svg)|https?:|\bon\w+=|url\(", shown)


def test_names_from_the_data_are_only_text() -> None:
    problem = RowProblem("r", "<script>alert(1)</script>", 1, True, ())
    report = replace(make_report(), source_input="<img src=x onerror=alert(1)>\u202e", findings=())
    report = replace(report, details={"<b>": SplitDetails(problems=(problem,))})
    shown = report._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "\u202e" not in shown
