"""The section evaluation.memorisation: limits that no model could miss are refused."""

from __future__ import annotations

from typing import Any

import pytest
from support import sections

from forgelm.base.errors import ConfigError
from forgelm.config.memorisation import MemorisationConfig
from forgelm.config.root import ForgeConfig


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"canaries": 0, "max_exposure": 2}, "no canary is planted"),
        ({"canaries": 0, "max_extraction_rate": 0.1}, "no canary is planted"),
        ({"references": 255, "max_exposure": 8}, "measure at most 8 bits"),
        ({"references": 3}, "references"),
        ({"repeats": 0}, "repeats"),
        ({"max_overlap": 2}, "max_overlap"),
        ({"ngram": 2}, "ngram"),
        ({"canary": 2}, "canaries"),
    ],
)
def test_what_could_not_be_missed_or_measured_is_refused(section: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ForgeConfig(**sections("d.jsonl", "out", evaluation={"memorisation": {"enabled": True, **section}}))
    assert said in str(refused.value)


def test_bits_are_those_of_the_references_and_the_canary() -> None:
    assert MemorisationConfig(references=255).measurable_bits == 8.0
    assert MemorisationConfig(enabled=True, max_exposure=7.9).max_exposure == 7.9
    assert MemorisationConfig(enabled=False, canaries=0, max_exposure=99).max_exposure == 99
