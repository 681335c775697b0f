"""The public summary: tokens that were really consumed, under the sections of the template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from run_documents import IDENTITY, Trained

from forgelm.evidence.documents.content_summary import build_content_summary, size_bin
from forgelm.evidence.documents.dossier import Dossier

Make = Callable[..., Dossier]
EVERYTHING = {
    "gpai": {
        "union_market_date": "2027-01-02",
        "copyright_policy": "https://example.org/copyright",
        "illegal_content_measures": "Every row was written by us.",
        "previous_summary": "https://example.org/summary-1",
        "code_of_practice_signatory": False,
    },
    "provider_contact": "ai@example.org",
    "system_version": "1.0",
}


def record_of(dossier: Dossier) -> dict[str, Any]:
    record = build_content_summary(dossier).record
    assert record is not None
    return dict(record)


@pytest.mark.parametrize(
    ("tokens", "name"),
    [
        (0, "less than 1 billion tokens"),
        (10**9 - 1, "less than 1 billion tokens"),
        (10**9, "1 billion to 10 trillion tokens"),
        (10**13, "1 billion to 10 trillion tokens"),
        (10**13 + 1, "more than 10 trillion tokens"),
    ],
)
def test_bins(tokens: int, name: str) -> None:
    assert size_bin(tokens) == name


def test_undeclared_datasets_are_listed_with_their_tokens(make_dossier: Make, trained: Trained) -> None:
    dossier = make_dossier()
    record = record_of(dossier)
    listed = record["2"]["Datasets whose section nobody declared"]
    assert [item["name"] for item in listed] == ["orders.jsonl", "more.jsonl"]
    assert record["1.3"]["exact"] is True
    assert sum(item["tokens_trained"] for item in listed) == trained.record.outcome.compute.real_tokens
    assert record["1.3"]["tokens"] == sum(item["tokens_used"] for item in listed)
    assert record["1.3"]["size"] == "less than 1 billion tokens"
    assert {"1.1 provider", "section of orders.jsonl", "3.1 copyright policy"} <= set(record["missing"])


def test_declared_datasets_stand_in_their_section(make_dossier: Make, trained: Trained) -> None:
    main, extra = trained.sources
    declared = [
        {"name": main, "category": "public", "link": "https://example.org/d", "licence": "cc-by-4.0",
         "content": "orders", "languages": ["en", "tr"], "acquired_on": "2026-05-01", "opt_out": "robots.txt was read"},
        {"name": extra, "category": "synthetic", "generated_by": ["ember/corpus.py"], "acquired_on": "2026-06-01"},
    ]  # fmt: skip
    dossier = make_dossier(compliance={**IDENTITY, **EVERYTHING}, data={"governance": {"datasets": declared}})
    record = record_of(dossier)
    (public,) = record["2"]["2.1 Publicly available datasets"]
    (synthetic,) = record["2"]["2.5 Synthetic data"]
    assert (public["name"], public["above_3_percent_of_public"]) == ("orders.jsonl", True)
    assert synthetic["generated_by"] == ["ember/corpus.py"]
    assert public["share"] + synthetic["share"] == pytest.approx(1)
    assert record["1.3"]["latest_acquisition"] == "2026-06-01"
    assert record["1.3"]["languages"] == ["en", "tr"]
    assert record["3.1"]["opt_outs"] == {"orders.jsonl": "robots.txt was read"}
    assert record["document"]["previous"] == "https://example.org/summary-1"
    assert record["missing"] == []


@pytest.mark.parametrize(
    ("category", "missing"),
    [("synthetic", "2.5 models"), ("crawled", "2.3 crawler"), ("user_data", "2.4 service"), ("private", None)],
)
def test_what_a_section_asks_for_is_missed(
    make_dossier: Make, trained: Trained, category: str, missing: str | None
) -> None:
    declared = [{"name": trained.sources[0], "category": category}]
    found = record_of(make_dossier(data={"governance": {"datasets": declared}}))["missing"]
    assert any(text.startswith(missing) for text in found) if missing else not any("2.3" in text for text in found)


def test_no_folder_of_this_machine_is_in_the_public_files(make_dossier: Make, trained: Trained) -> None:
    for name, content in build_content_summary(make_dossier()).files().items():
        assert str(trained.sources[0]).encode() not in content, name
        assert b"orders.jsonl" in content
