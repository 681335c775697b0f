"""An audit's summaries, and what its owner declared, to the properties of Croissant's vocabulary for responsible AI.

The vocabulary: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from forgelm.audit.report.wording import count_of, percent

_DECLARED = MappingProxyType(
    {
        "collection_method": "dataCollection",
        "annotation_process": "dataAnnotationProtocol",
        "known_biases": "dataBiases",
    }
)
_LISTS = frozenset({"dataAnnotationProtocol", "dataBiases"})


def describe_findings(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties for which a report, as in ``data_audit_report.json``, holds evidence."""
    properties: dict[str, Any] = {}
    if personal := _describe_personal(report):
        properties["personalSensitiveInformation"] = personal
    if missing := _describe_missing(report.get("splits", {})):
        properties["dataCollectionMissingData"] = missing
    if limitations := _describe_limitations(report):
        properties["dataLimitations"] = limitations
    return properties


def describe_declared(governance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that the configuration's ``data.governance`` declares."""
    stated = {name: str(governance.get(key) or "").strip() for key, name in _DECLARED.items()}
    return {name: [text] if name in _LISTS else text for name, text in stated.items() if text}


def _describe_personal(report: Mapping[str, Any]) -> list[str]:
    kinds = report.get("pii_severity", {}).get("by_type", {})
    found = [
        f"{kind}: {count_of(facts['count'], 'match', 'matches')}, severity {facts['tier']}"
        for kind, facts in kinds.items()
    ]
    secrets = sum(report.get("secrets_summary", {}).values())
    found += [f"credentials: {count_of(secrets, 'match', 'matches')}"] if secrets else []
    if not {"pii_severity", "secrets_summary"} <= report.keys():
        return found
    return found or ["The patterns and checksums of the audit found no personal data and no credentials."]


def _describe_missing(splits: Mapping[str, Mapping[str, Any]]) -> str:
    counted = (
        (_sum(splits, "null_or_empty_count"), "row without text", "rows without text"),
        (_sum(splits, "parse_errors"), "line that could not be parsed", "lines that could not be parsed"),
        (_sum(splits, "decode_errors"), "line with bytes that are not UTF-8", "lines with bytes that are not UTF-8"),
        (_sum(splits, "non_object_rows"), "row that is no object", "rows that are no objects"),
    )
    return "; ".join(count_of(count, one, many) for count, one, many in counted if count)


def _describe_limitations(report: Mapping[str, Any]) -> list[str]:
    found = []
    pairs = report.get("near_duplicate_summary", {}).get("pairs_per_split", {})
    found += [
        f"{count_of(count, 'pair')} of near-duplicate rows within {split}" for split, count in pairs.items() if count
    ]
    for name, leak in report.get("cross_split_overlap", {}).get("pairs", {}).items():
        a, _, b = name.partition("__")
        in_a, in_b = leak["leaked_rows_in_a"], leak["leaked_rows_in_b"]
        if in_a or in_b:
            found.append(
                f"near duplicates of {count_of(in_a, 'row')} of {a} ({percent(leak['leak_rate_a'])}) are in {b}, "
                f"of {count_of(in_b, 'row')} of {b} ({percent(leak['leak_rate_b'])}) in {a}"
            )
    quality = report.get("quality_summary", {})
    if flagged := quality.get("samples_flagged"):
        rows = count_of(quality["samples_evaluated"], "row")
        found.append(f"{flagged:,} of {rows} have a quality flag made for English prose")
    return found


def _sum(splits: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return sum(split.get(name) or 0 for split in splits.values())
