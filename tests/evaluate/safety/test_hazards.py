"""One list of hazards, whatever they are called."""

from __future__ import annotations

import pytest

from forgelm.evaluate.safety.hazards import HAZARDS, find_hazard, severity_of, worst_hazard


def test_the_contract_table() -> None:
    assert list(HAZARDS) == [f"S{number}" for number in range(1, 15)]
    by_severity: dict[str, list[str]] = {}
    for hazard in HAZARDS.values():
        by_severity.setdefault(hazard.severity, []).append(hazard.code)
    assert by_severity == {
        "critical": ["S1", "S3", "S4", "S9", "S11"],
        "high": ["S2", "S7", "S10"],
        "medium": ["S5", "S6", "S12", "S13"],
        "low": ["S8", "S14"],
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("S9", "S9"),
        ("s14", "S14"),
        ("S1: Violent Crimes", "S1"),
        ("privacy", "S7"),
        ("suicide_self_harm", "S11"),
        ("Suicide & Self-Harm", "S11"),
        ("chemical_biological", "S9"),
        ("Hate, harassment and discrimination", "S10"),
        ("Malware/Hacking", "S2"),
        ("S15", None),
        ("S1x", None),
        ("disinformation", None),
        ("", None),
    ],
)
def test_names_become_codes(name: str, code: str | None) -> None:
    assert find_hazard(name) == code


def test_the_worst_is_the_most_severe_and_the_first_of_several() -> None:
    assert worst_hazard(("S8", "S2", "S9", "S1")) == "S9"
    assert worst_hazard(("S99",)) is None
    assert worst_hazard(()) is None


def test_severity_of_nothing_is_nothing() -> None:
    assert severity_of("S4") == "critical"
    assert severity_of("S99") is None
    assert severity_of(None) is None
