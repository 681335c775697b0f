"""Names and places: added around what is certain, and refused before anything is scanned when no model is there."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import pytest

from forgelm.audit.pii.entities import MODELS, EntityRecogniser, load_recogniser
from forgelm.audit.pii.find import find_pii
from forgelm.base.errors import ConfigError, OptionalDependencyError


@dataclass(frozen=True)
class Result:
    entity_type: str
    start: int
    end: int


class Analyser:
    """Answers as Presidio does: overlapping results, in no order."""

    def analyze(self, *, text: str, language: str, entities: list[str]) -> list[Result]:
        assert (language, entities) == ("en", ["PERSON", "ORGANIZATION", "LOCATION"])
        return [Result("LOCATION", 30, 36), Result("PERSON", 0, 5), Result("PERSON", 0, 9), Result("PERSON", 10, 27)]


def test_entities_join_the_findings_they_do_not_overlap() -> None:
    text = "Ada Byron ada@example.com, in London"
    found = find_pii(text, recogniser=EntityRecogniser("en", Analyser()))
    assert [(finding.kind, finding.span, finding.severity) for finding in found] == [
        ("person", (0, 9), "medium"),
        ("email", (10, 25), "medium"),
        ("location", (30, 36), "low"),
    ]
    assert found[0].text_preview == "*** *****"


def test_a_language_without_a_model_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ConfigError, match="'tr'") as refused:
        load_recogniser("tr")
    assert refused.value.hint
    assert "xx" in refused.value.hint
    assert set(MODELS) >= {"en", "de", "fr", "zh", "xx"}


@pytest.mark.skipif(importlib.util.find_spec("presidio_analyzer") is not None, reason="Presidio is installed")
def test_without_the_extra_the_message_names_it() -> None:
    with pytest.raises(OptionalDependencyError, match=r"forgelm\[ner\]"):
        load_recogniser("en")
