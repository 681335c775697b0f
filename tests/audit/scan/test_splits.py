"""What the report says of a split."""

from __future__ import annotations

import numpy as np
from audit_scans import Scanned

from forgelm.audit.language import LanguageSummary
from forgelm.audit.lengths import summarize_lengths
from forgelm.audit.scan.splits import (
    SplitView,
    TokenLimits,
    count_severities,
    describe_details,
    describe_split,
    list_columns,
    list_views,
    sum_found,
)

NO_LANGUAGES = LanguageSummary(0, 0, ())


def _views(scanned: Scanned) -> list[SplitView]:
    return list_views(scanned.searched.places)


def test_the_contracts_facts(scanned: Scanned) -> None:
    view, rows = _views(scanned)[0], scanned.searched.rows
    lengths = summarize_lengths(rows.characters[:6])
    split = describe_split(view, rows, scanned.searched.found, NO_LANGUAGES, lengths)
    assert split["sample_count"] == 6 and split["columns"] == ["text", "n"] and split["schema_drift_columns"] == []
    assert split["null_or_empty_count"] == 1 and split["null_or_empty_rate"] == 0.1667
    assert split["pii_counts"] == {"email": 1, "credit_card": 1} and split["secrets_counts"] == {}
    assert split["parse_errors"] == 1 and split["decode_errors"] == 0 and split["non_object_rows"] == 0
    assert split["near_duplicate_pairs"] == 5 and split["simhash_distinct"] == 4
    assert set(split["text_length"]) == {"min", "max", "mean", "p50", "p95"}


def test_details(scanned: Scanned) -> None:
    view = _views(scanned)[0]
    details = describe_details(view, scanned.searched.found, NO_LANGUAGES, None, TokenLimits())
    assert (details.exact_duplicates, details.near_duplicates) == (1, 2)
    (problem,) = details.problems
    assert (problem.reason, problem.count, problem.skipped) == ("not_json", 1, True)
    assert problem.first[0].where.endswith("train.jsonl:2")


def test_columns_and_sums(scanned: Scanned) -> None:
    views = _views(scanned)
    columns = list_columns(views[0], frozenset({"text"}))
    assert [(column.name, column.types, column.filled, column.scanned, column.excluded) for column in columns] == [
        ("text", ("text",), 6, False, True),
        ("n", ("number",), 6, False, False),
    ]
    assert sum_found(views, "pii") == {"email": 1, "credit_card": 1} and sum_found(views, "secret") == {}
    assert count_severities(views)[("pii", "credit_card", "critical")] == 1
    assert views[0].languages.rows == 6 and views[0].token_lengths is None
    assert views[1].turns.rows == 2 and np.asarray(views[1].part).tolist() == [6, 7]
