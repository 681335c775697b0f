"""The page's bytes: self-contained, deaf to hostile data, small, and the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from audit_reports import make_report
from hypothesis import given, settings
from hypothesis import strategies as st

from forgelm.audit.report.page import render_page
from forgelm.audit.report.parts import (
    AuditedFile,
    ColumnInfo,
    ContaminationHit,
    ContaminationSummary,
    DuplicateCluster,
    DuplicateRow,
    LocatedFinding,
    Place,
    RowProblem,
    SplitDetails,
)
from forgelm.audit.report.record import AuditReport
from forgelm.base.errors import OptionalDependencyError

ATTACKS = (
    "<script>document.title='owned'</script>",
    "\"><img src=http://127.0.0.1:9/x onerror=document.title='owned'>",
    "</style></pre></details><h1>owned",
    "{{ 7*7 }}{% raw %}",
    "\u202e\u2066gpj.exe",
    "\x1b[2J\x00\x07",
    "\ud800",
    "javascript:alert(1)",
)


def make_hostile(text: str, count: int = 1) -> AuditReport:
    """A report in which everything that comes from the data, its names or its paths is ``text``, many times over."""
    report = make_report()
    where = Place(text, 0, text)
    details = report.details["train"]
    problems = tuple(RowProblem(text, text, 1, True, (where,) * 5) for _ in range(count))
    kinds = {f"{text}{number}": {"count": 9, "tier": "low"} for number in range(count)}
    return replace(
        report,
        source_input=text, source_path=text, notes=[text] * count, secrets_summary=dict.fromkeys(kinds, 3),
        pii_severity={"by_type": kinds}, pii_summary=dict.fromkeys(kinds, 9),
        splits={f"{text}{number}": report.splits["train"] | {"error": text} for number in range(count)},
        details={f"{text}{number}": replace(details, problems=problems) for number in range(min(count, 40))},
        findings=tuple(
            LocatedFinding("pii", kind, "low", where, text, (0, 9), text) for kind in kinds for _ in range(99)
        ),
        duplicates=tuple(
            DuplicateCluster(99, False, tuple(DuplicateRow(where, text * 3 + str(row)) for row in range(20)))
            for _ in range(count)
        ),
        contamination=ContaminationSummary(13, {text: 9}, (ContaminationHit(where, text, 1, 9, 0.5),) * count),
        columns=tuple(ColumnInfo(text, text, (text,), 1, scanned=True) for _ in range(count)),
        files=tuple(AuditedFile(text, text, 1, 5, "00" * 32) for _ in range(count)),
        cross_split_overlap={"pairs": {f"{text}__{text}{n}": next(iter(report.cross_split_overlap["pairs"].values()))
                                       for n in range(count)}},
    )  # fmt: skip


class Shape(HTMLParser):
    """Every tag that is opened with its attributes, and whether all are closed in order."""

    VOID = frozenset({"meta", "br", "rect", "line"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def read(page: str) -> Shape:
    shape = Shape()
    shape.feed(page)
    shape.close()
    assert shape.open == []
    return shape


def test_nothing_in_it_runs_or_is_fetched() -> None:
    shape = read(render_page(make_report()))
    assert {tag for tag, _ in shape.tags} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "base",
        "form",
        "image",
    } == set()
    for tag, attributes in shape.tags:
        assert "style" not in attributes, tag
        assert not any(name.startswith("on") for name in attributes)
        assert all(str(attributes.get(name) or "#").startswith("#") for name in ("href", "src", "xlink:href"))
    assert not re.search(r"url\(|@import", render_page(make_report()))


def test_the_policy_allows_this_style_sheet_and_nothing_else() -> None:
    page = render_page(make_report())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" in page


def test_the_verdict_comes_first_and_every_link_leads_somewhere() -> None:
    page = render_page(make_report())
    assert page.index("Failed:") < page.index("What to look at</h2>") < page.index("Personal data and credentials</h2>")
    shape = read(page)
    targets = {str(attributes["id"]) for _, attributes in shape.tags if "id" in attributes}
    links = {str(attributes["href"])[1:] for tag, attributes in shape.tags if tag == "a"}
    assert links <= targets


def test_hostile_data_is_only_text() -> None:
    for attack in ATTACKS:
        plain, hostile = read(render_page(make_hostile("plain"))), read(render_page(make_hostile(attack)))
        assert [tag for tag, _ in plain.tags] == [tag for tag, _ in hostile.tags], attack


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=40))
def test_no_text_changes_the_shape_of_the_page(text: str) -> None:
    assert [tag for tag, _ in read(render_page(make_hostile(text or "-"))).tags] == [
        tag for tag, _ in read(render_page(make_hostile("plain"))).tags
    ]


def test_what_hides_or_reorders_text_is_visible() -> None:
    page = render_page(make_hostile("\u202e\u2066\x1b\x00"))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0e-\x1f]", page)
    assert "\\u202e\\u2066\\x1b\\x00" in page
    assert render_page(make_hostile("\ud800")).encode("utf-8")


def test_the_page_of_a_huge_audit_stays_small() -> None:
    page = render_page(replace(make_hostile("<&'\" " * 2000, count=200), duplicate_clusters=200))
    assert len(page.encode()) < 500_000
    assert "188 more columns; all of them are in data_audit_report.json" in page
    assert "197 smaller clusters are not shown" in page


def test_an_ordinary_audit_of_any_size_is_shown_at_length() -> None:
    many, few = make_hostile("train-00001.jsonl", count=300), make_hostile("email", count=30)
    page = render_page(
        replace(
            many, duplicate_clusters=300, findings=few.findings, pii_severity=few.pii_severity,
            secrets_summary=few.secrets_summary,
        )
    )  # fmt: skip
    assert len(page.encode()) < 500_000
    assert "200 more columns; all of them are in data_audit_report.json" in page
    assert "288 smaller clusters are not shown" in page


def test_what_is_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(OptionalDependencyError) as raised:
        render_page(make_report())
    assert raised.value.hint == "pip install 'forgelm[audit]'"


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_page(make_report()) == render_page(make_report())


def test_splits_that_share_nothing_are_said_to() -> None:
    page = render_page(replace(make_report(), cross_split_overlap={}, prompt_overlap={}))
    assert "No row of one split repeats a row of another." in page


def test_a_clean_report_says_so() -> None:
    report = make_report()
    gates = tuple(replace(gate, status="passed", critical_total=0, critical_types=()) for gate in report.gates)
    empty: dict[str, Any] = {name: {} for name in ("pii_summary", "secrets_summary", "pii_severity", "quality_summary")}
    clean = replace(
        report, gates=gates, findings=(), duplicates=(), duplicate_rows=0, duplicate_clusters=0, contamination=None,
        cross_split_overlap={}, prompt_overlap={}, details={"train": SplitDetails()}, notes=[],
        splits={"train": {"sample_count": 5}}, columns=(), files=(), **empty,
    )  # fmt: skip
    page = render_page(clean)
    assert "Passed:" in page
    assert "No gate failed and nothing was found that a person should look at." in page
    assert "No row repeats another one." in page
    for absent in ("leakage", "contamination", "lengths", "languages", "quality", "columns"):
        assert f'id="{absent}"' not in page
        assert f'href="#{absent}"' not in page
