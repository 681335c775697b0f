"""Texts to their languages: py3langid's model, asked about many texts at once, which takes a quarter of the time."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeAlias

from forgelm.audit.rows.arrays import Floats32, Ints, TextBatch, np
from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra

_log = logging.getLogger(__name__)
_TEXTS_AT_ONCE = 1000

Identify: TypeAlias = Callable[[Sequence[str]], list[tuple[str, float]]]
"""Returns for every text the ISO 639-1 code of its language and how sure that is, 0 to 1."""


@cache
def load_identifier() -> Identify | None:
    """Return the language identifier of the extra ``language``, or ``None`` where it is not installed."""
    try:
        langid = load_extra("py3langid.langid", extra="language")
    except OptionalDependencyError as error:
        _log.info("languages are not identified: %s", error)
        return None
    model = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return _Model(model).identify


class _Model:
    """py3langid's tables: an automaton over bytes that meets features, and what each says of every language.

    The answers are those of its ``classify`` with ``norm_probs``: naive Bayes over the logarithm of 1 + how often a
    feature is met, the scores divided by the square root of the text's bytes.
    """

    def __init__(self, model: Any) -> None:
        self._next = np.asarray(model.tk_nextmove)
        self._rows = np.asarray(model.tk_row).astype(np.int64) << 8
        self._features = np.array(model.tk_output, np.int32)
        self._weights, self._prior, self._codes = model.nb_ptc, model.nb_pc, list(model.nb_classes)
        self._first = np.array([self._codes.index(code) for code in self._codes])

    def identify(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        found: list[tuple[str, float]] = []
        for begin in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = TextBatch.from_texts([_normalize(text) for text in texts[begin : begin + _TEXTS_AT_ONCE]])
            shares = self._share(self._score(batch), np.diff(batch.offsets))
            best = shares.argmax(axis=1)
            sure = shares[np.arange(len(batch)), best]
            found += [(self._codes[place], one) for place, one in zip(best.tolist(), sure.tolist(), strict=True)]
        return found

    def _score(self, batch: TextBatch) -> Floats32:
        """Return what every text scores (texts, languages); one without a feature scores 0 everywhere."""
        keys, counts = np.unique(self._walk(batch), return_counts=True)
        known, places = np.unique(keys % len(self._weights), return_inverse=True)
        weights = self._weights[known].astype(np.float32)
        amounts = np.log1p(counts.astype(np.float32))
        ends = np.searchsorted(keys // len(self._weights), np.arange(len(batch) + 1))
        scores = np.zeros((len(batch), len(self._codes)), np.float32)
        for text, (begin, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
            if begin < end:
                scores[text] = amounts[begin:end] @ weights[places[begin:end]] + self._prior
        return scores

    def _walk(self, batch: TextBatch) -> Ints:
        """Return ``text * features + feature`` for every feature met, all texts one byte further at a time."""
        sizes = np.diff(batch.offsets)
        order = np.argsort(-sizes, kind="stable")
        begins, states = batch.offsets[:-1][order], np.zeros(len(batch), np.int64)
        met = [np.zeros(0, np.int64)]
        for step in range(int(sizes.max(initial=0))):
            count = int(np.count_nonzero(sizes > step))
            letters = batch.buffer[begins[:count] + step]
            states[:count] = self._next[self._rows[states[:count]] + letters]
            features = self._features[states[:count]]
            with_one = np.flatnonzero(features >= 0)
            met.append(order[with_one] * len(self._weights) + features[with_one])
        return np.concatenate(met)

    def _share(self, scores: Floats32, sizes: Ints) -> Floats32:
        """Return how sure every language is; of those that stand there twice, the first has both shares."""
        scores = scores / np.sqrt(np.maximum(sizes, 1)).astype(np.float32)[:, None]
        powers: Floats32 = np.exp(scores - scores.max(axis=1, keepdims=True))
        powers /= powers.sum(axis=1, keepdims=True)
        for place in np.flatnonzero(self._first != np.arange(len(self._first))).tolist():
            powers[:, self._first[place]] += powers[:, place]
            powers[:, place] = 0
        return powers


def _normalize(text: str) -> str:
    """Return the text as the model was trained on it. Halves of surrogate pairs, which have no UTF-8 form, become ?."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFC", whole.lower() if whole.isupper() else whole)
