"""The responsible-AI properties: only what there is evidence for, in words a person can read."""

from __future__ import annotations

from forgelm.audit.croissant.responsible import describe_declared, describe_findings


def test_a_clean_report_says_what_was_looked_for_and_no_more() -> None:
    properties = describe_findings(
        {"splits": {"train": {"parse_errors": 0}}, "pii_severity": {}, "secrets_summary": {}, "quality_summary": {}}
    )
    assert list(properties) == ["personalSensitiveInformation"]
    assert "found no personal data" in properties["personalSensitiveInformation"][0]


def test_everything_found_is_stated_with_its_count() -> None:
    properties = describe_findings(
        {
            "splits": {
                "train": {"null_or_empty_count": 2, "parse_errors": 1, "decode_errors": 0, "non_object_rows": 0},
                "test": {"null_or_empty_count": 1, "parse_errors": 0},
            },
            "pii_severity": {"by_type": {"email": {"count": 12, "tier": "medium"}}},
            "secrets_summary": {"jwt": 1, "github_token": 2},
            "near_duplicate_summary": {"pairs_per_split": {"train": 7, "test": 0}},
            "cross_split_overlap": {
                "pairs": {
                    "train__test": {
                        "leaked_rows_in_a": 3,
                        "leak_rate_a": 0.015,
                        "leaked_rows_in_b": 2,
                        "leak_rate_b": 0.2,
                    }
                }
            },
            "quality_summary": {"samples_flagged": 5, "samples_evaluated": 210},
        }
    )
    assert properties == {
        "personalSensitiveInformation": ["email: 12 matches, severity medium", "credentials: 3 matches"],
        "dataCollectionMissingData": "3 rows without text; 1 line that could not be parsed",
        "dataLimitations": [
            "7 pairs of near-duplicate rows within train",
            "near duplicates of 3 rows of train (1.5%) are in test, of 2 rows of test (20%) in train",
            "5 of 210 rows have a quality flag made for English prose",
        ],
    }


def test_declarations_that_are_blank_are_not_stated() -> None:
    declared = {
        "collection_method": "Support tickets, 2024",
        "annotation_process": "  ",
        "known_biases": "Mostly English",
        "personal_data_included": False,
    }
    assert describe_declared(declared) == {"dataCollection": "Support tickets, 2024", "dataBiases": ["Mostly English"]}
