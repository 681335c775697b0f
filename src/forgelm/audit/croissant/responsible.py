"""An audit's summaries, and what its owner declared, to the properties of Croissant's vocabulary for responsible AI.

The vocabulary: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

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
    properties: dict[str, Any] = {"personalSensitiveInformation": _describe_personal(report)}
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
    found = [f"{kind}: {facts['count']} matches, severity {facts['tier']}" for kind, facts in kinds.items()]
    secrets = sum(report.get("secrets_summary", {}).values())
    found += [f"credentials: {secrets} matches"] if secrets else []
    return found or ["The patterns and checksums of the audit found no personal data and no credentials."]


def _describe_missing(splits: Mapping[str, Mapping[str, Any]]) -> str:
    counted = {
        "rows without text": _sum(splits, "null_or_empty_count"),
        "lines that could not be parsed": _sum(splits, "parse_errors"),
        "lines with bytes that are not UTF-8": _sum(splits, "decode_errors"),
        "rows that are no objects": _sum(splits, "non_object_rows"),
    }
    return "; ".join(f"{count} {what}" for what, count in counted.items() if count)


def _describe_limitations(report: Mapping[str, Any]) -> list[str]:
    found = []
    pairs = report.get("near_duplicate_summary", {}).get("pairs_per_split", {})
    found += [f"{count} pairs of near-duplicate rows within {split}" for split, count in pairs.items() if count]
    for name, leak in report.get("cross_split_overlap", {}).get("pairs", {}).items():
        a, _, b = name.partition("__")
        if leak["leaked_rows_in_a"] or leak["leaked_rows_in_b"]:
            found.append(
                f"{leak['leaked_rows_in_a']} rows of {a} ({leak['leak_rate_a']:.2%}) have a near duplicate in {b}, "
                f"{leak['leaked_rows_in_b']} rows of {b} ({leak['leak_rate_b']:.2%}) one in {a}"
            )
    quality = report.get("quality_summary", {})
    if quality.get("samples_flagged"):
        found.append(
            f"{quality['samples_flagged']} of {quality['samples_evaluated']} rows raise a quality flag made for "
            "English prose"
        )
    return found


def _sum(splits: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return sum(split.get(name) or 0 for split in splits.values())
