"""Persons, organisations and places, found by a Presidio model; nothing is loaded until one is asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from forgelm.audit.findings import Finding, Severity, preview
from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.base.extras import load_extra

EXTRA = "ner"
MODELS: Mapping[str, str] = MappingProxyType(
    {"en": "en_core_web_lg", "xx": "xx_ent_wiki_sm", "zh": "zh_core_web_lg"}
    | {code: f"{code}_core_news_lg" for code in ("de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru")}
)
_KINDS: Mapping[str, tuple[str, Severity]] = MappingProxyType(
    {"PERSON": ("person", "medium"), "ORGANIZATION": ("organization", "low"), "LOCATION": ("location", "low")}
)


@dataclass(frozen=True)
class EntityRecogniser:
    """A loaded model. It is slow (tens of kilobytes a second) and its findings are guesses, not checked values."""

    language: str
    analyser: Any

    def add_to(self, found: list[Finding], text: str) -> list[Finding]:
        """Return ``found`` and the entities of ``text`` that do not overlap them, in the order of the text."""
        spans = [finding.span for finding in found]
        return sorted(found + [entity for entity in self._entities(text) if _is_free(entity, spans)], key=_start)

    def _entities(self, text: str) -> list[Finding]:
        results = self.analyser.analyze(text=text, language=self.language, entities=list(_KINDS))
        entities: list[Finding] = []
        for result in sorted(results, key=lambda result: (result.start, -result.end)):
            if not entities or result.start >= entities[-1].span[1]:
                kind, severity = _KINDS[result.entity_type]
                outline = preview(text[result.start : result.end])
                entities.append(Finding(kind, (result.start, result.end), outline, severity))
        return entities


def load_recogniser(language: str = "en") -> EntityRecogniser:
    """Load the model for ``language`` (a key of ``MODELS``; ``xx`` is the one for other languages).

    Raises:
        ConfigError: there is no model for the language.
        OptionalDependencyError: Presidio or the language's spaCy model is not installed.
    """
    if language not in MODELS:
        raise ConfigError(
            f"no model finds names in the language '{language}'",
            hint=f"choose one of {', '.join(sorted(MODELS))}; 'xx' covers other languages",
        )
    model = MODELS[language]
    presidio = load_extra("presidio_analyzer", extra=EXTRA)
    engines = load_extra("presidio_analyzer.nlp_engine", extra=EXTRA)
    spacy = load_extra("spacy", extra=EXTRA)
    if not spacy.util.is_package(model):
        # Presidio would download it, and nothing leaves the machine unasked.
        raise OptionalDependencyError(
            f"the spaCy model '{model}' is not installed", hint=f"python -m spacy download {model}"
        )
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
    engine = engines.NlpEngineProvider(nlp_configuration=settings).create_engine()
    return EntityRecogniser(language, presidio.AnalyzerEngine(nlp_engine=engine, supported_languages=[language]))


def _is_free(entity: Finding, spans: list[tuple[int, int]]) -> bool:
    at = bisect_left(spans, entity.span)
    before_ends = at == 0 or spans[at - 1][1] <= entity.span[0]
    return before_ends and (at == len(spans) or entity.span[1] <= spans[at][0])


def _start(finding: Finding) -> tuple[int, int]:
    return finding.span
