"""Which family a guard is of, by its name and by its template."""

from __future__ import annotations

from typing import get_args

import pytest

from forgelm.config.safety import ClassifierFamily
from forgelm.evaluate.safety.families import FAMILIES, find_family
from forgelm.evaluate.safety.hazards import find_hazard


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("meta-llama/Llama-Guard-3-8B", "llama_guard"),
        ("meta-llama/Llama-Guard-3-8B-INT8", "llama_guard"),
        ("meta-llama/Llama-Guard-3-1B", "llama_guard"),
        ("meta-llama/Meta-Llama-Guard-2-8B", "llama_guard_2"),
        ("meta-llama/LlamaGuard-7b", "llama_guard_1"),
        ("meta-llama/Llama-Guard-4-12B", "llama_guard"),
        ("Qwen/Qwen3Guard-Gen-0.6B", "qwen3_guard"),
        ("allenai/wildguard", "wild_guard"),
        ("google/shieldgemma-2b", "shield_gemma"),
        ("ibm-granite/granite-guardian-3.1-2b", "granite_guardian"),
        ("ibm-granite/granite-guardian-3.3-8b", "granite_guardian"),
        ("ibm-granite/granite-guardian-4.1-8b", "granite_guardian_4"),
        ("/models/Llama-Guard-3-8B/", "llama_guard"),
        ("Qwen/Qwen3Guard-Stream-4B", None),
        ("meta-llama/Llama-3.1-8B-Instruct", None),
    ],
)
def test_families_by_name(name: str, family: str | None) -> None:
    found = find_family(name, None)
    assert (found.name if found else None) == family


@pytest.mark.parametrize(
    ("template", "family"),
    [
        ("... <BEGIN UNSAFE CONTENT CATEGORIES> S11: Suicide & Self-Harm. S12: Sexual Content.", "llama_guard"),
        ("... <BEGIN UNSAFE CONTENT CATEGORIES> S11: Sexual Content.", "llama_guard_2"),
        ("... <BEGIN UNSAFE CONTENT CATEGORIES> O1: Violence and Hate.", "llama_guard_1"),
        ("{{ guardian_config.risk_name }}", "granite_guardian"),
        ("Chatbot Response: ... {{ guideline }}", "shield_gemma"),
        ("Safety: ...\nCategories: ...\nRefusal: ...", "qwen3_guard"),
        ("{{ messages }}", None),
    ],
)
def test_families_by_template(template: str, family: str | None) -> None:
    found = find_family("my-guard", template)
    assert (found.name if found else None) == family


def test_a_name_comes_before_a_template() -> None:
    found = find_family("allenai/wildguard", "BEGIN UNSAFE CONTENT CATEGORIES")
    assert found is FAMILIES["wild_guard"]


def test_every_family_can_be_asked() -> None:
    for family in FAMILIES.values():
        assert (family.read is not None) == (family.asked == "text")
        assert (family.max_new_tokens > 0) == (family.asked == "text")
    assert set(FAMILIES) == set(get_args(ClassifierFamily)) - {"auto"}
    assert all(find_hazard(policy) for policy in FAMILIES["shield_gemma"].questions)
