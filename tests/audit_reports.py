"""A small report with one of everything, for the tests of what reads reports."""

from __future__ import annotations

import numpy as np

from forgelm.audit.conversations import TurnSummary
from forgelm.audit.language import LanguageShare, LanguageSummary
from forgelm.audit.lengths import advise_batching, measure_truncation, summarize_lengths
from forgelm.audit.report.parts import (
    AuditedFile,
    AuditSettings,
    ColumnInfo,
    ContaminationHit,
    ContaminationSummary,
    DuplicateCluster,
    DuplicateRow,
    GateResult,
    LocatedFinding,
    Place,
    RowProblem,
    SplitDetails,
    SplitLengths,
)
from forgelm.audit.report.record import AuditReport


def make_report() -> AuditReport:
    """Five rows in ``train``, one in ``test``: a card number, a key, a cluster, a leak, a broken line."""
    lengths = np.array([12, 40, 41, 40, 220], np.int32)
    details = SplitDetails(
        lengths=SplitLengths(
            summarize_lengths(lengths),
            summarize_lengths(lengths // 4),
            measure_truncation(lengths // 4, 32),
            advise_batching(lengths // 4, 2, max_length=32),
        ),
        languages=LanguageSummary(5, 5, (LanguageShare("en", 4, 0.8, 0.8, 0.8, 0.99),)),
        conversations=TurnSummary(5, {"empty_turn": 1}, {"empty_turn": (2,)}, {"user": 5, "assistant": 4}),
        exact_duplicates=1,
        near_duplicates=2,
        candidate_pairs=4,
        problems=(RowProblem("not_json", "not JSON", 1, True, (Place("train", 5, "data.jsonl:6"),)),),
    )
    card = LocatedFinding(
        "pii", "credit_card", "critical", Place("train", 4, "data.jsonl:5"), "messages[1].content", (10, 29),
        "**** **** **** ****",
    )  # fmt: skip
    key = LocatedFinding("secret", "aws_access_key", "critical", Place("train", 1, "data.jsonl:2"), "text", (0, 20),
                         "AKIA****************")  # fmt: skip
    rows = tuple(
        DuplicateRow(Place("train", row, f"data.jsonl:{row + 1}"), "the same, [REDACTED]") for row in (1, 2, 3)
    )
    return AuditReport(
        generated_at="2026-11-24T12:00:00+00:00",
        source_path="/data/set",
        source_input="set",
        total_samples=6,
        splits={"train": _describe_split(5), "test": _describe_split(1)},
        cross_split_overlap={
            "method": "simhash",
            "hamming_threshold": 3,
            "pairs": {
                "train__test": {
                    "leaked_rows_in_a": 1, "leak_rate_a": 0.2, "leaked_rows_in_b": 1, "leak_rate_b": 1.0,
                }
            },
        },
        pii_summary={"credit_card": 1},
        pii_severity={
            "total": 1,
            "by_tier": {"critical": 1, "high": 0, "medium": 0, "low": 0},
            "by_type": {"credit_card": {"count": 1, "tier": "critical"}},
            "worst_tier": "critical",
        },
        near_duplicate_summary={
            "method": "simhash", "pairs_per_split": {"train": 3, "test": 0}, "hamming_threshold": 3,
        },
        secrets_summary={"aws_access_key": 1},
        quality_summary={
            "samples_flagged": 1,
            "samples_evaluated": 6,
            "by_check": {"low_alpha_ratio": 1},
            "overall_quality_score": 0.8333,
        },
        croissant={},
        notes=["1 line could not be read"],
        settings=AuditSettings("simhash", 3, 0.8, 0.85, 128, True, None, ("id",), "builtin/ember", 32, 2000, 100),
        gates=(
            GateResult("pii", "failed", "critical", 1, ("credit_card",), 0, (), allowed=False),
            GateResult("secrets", "failed", "critical", 1, ("aws_access_key",), 0, (), allowed=False),
        ),
        findings=(card, key),
        duplicates=(DuplicateCluster(3, False, rows),),
        duplicate_rows=2,
        duplicate_clusters=1,
        details={"train": details, "test": SplitDetails()},
        prompt_overlap={
            "train__test": {
                "shared_rows_in_a": 1, "shared_rate_a": 0.2, "shared_rows_in_b": 1, "shared_rate_b": 1.0,
            }
        },
        contamination=ContaminationSummary(
            13, {"exam": 1}, (ContaminationHit(Place("train", 0, "data.jsonl:1"), "exam", 7, 9, 0.4),)
        ),
        columns=(
            ColumnInfo("train", "messages[].content", ("text",), 5, scanned=True),
            ColumnInfo("train", "id", ("text", "number"), 5, scanned=False, excluded=True),
        ),
        files=(AuditedFile("train", "data.jsonl", 5, 2048, "ab" * 32), AuditedFile("test", "test.jsonl", 1)),
    )  # fmt: skip


def _describe_split(rows: int) -> dict[str, object]:
    return {
        "sample_count": rows,
        "columns": ["messages", "id"],
        "schema_drift_columns": [],
        "non_object_rows": 0,
        "text_length": {"min": 12, "max": 220, "mean": 70.6, "p50": 40, "p95": 220},
        "null_or_empty_count": 0,
        "null_or_empty_rate": 0.0,
        "languages_top3": [{"code": "en", "count": rows}],
        "simhash_distinct": rows,
        "pii_counts": {},
        "secrets_counts": {},
        "quality_samples_evaluated": rows,
        "quality_samples_flagged": 0,
        "quality_flags_counts": {},
        "near_duplicate_pairs": 0,
        "parse_errors": 1,
        "decode_errors": 0,
    }
