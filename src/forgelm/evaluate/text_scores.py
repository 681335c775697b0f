"""Predicted texts and their references to scores: one for each sample and one for all of them, from 0 to 1.

ROUGE is the package rouge-score's, BLEU and chrF are sacrebleu's; their numbers divided by 100 where they count so.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from types import MappingProxyType
from typing import Any

from forgelm.base.errors import ArgumentError
from forgelm.base.extras import load_extra

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class TextScore:
    """``value`` for the corpus and ``samples`` for each text, 0 to 1, higher is better.

    ``is_mean`` tells whether ``value`` is the mean of ``samples``; BLEU and chrF are not, they count over all texts.
    ``signature`` says how it was computed, where the library has a way to say so. ``resample`` returns the value of
    a corpus made of the samples at the given places, each as often as it is named.
    """

    name: str
    value: float
    samples: tuple[float, ...] = field(repr=False)
    is_mean: bool = True
    signature: str = ""
    counted: Callable[[Sequence[int]], float] | None = field(default=None, repr=False, compare=False)

    def resample(self, places: Sequence[int]) -> float:
        if self.counted is not None:
            return self.counted(places)
        return fmean([self.samples[place] for place in places])


def score_texts(name: str, predictions: Sequence[str], references: Sequence[str]) -> TextScore:
    """Return the score called ``name``, one of ``TEXT_SCORES``, of each prediction against its one reference.

    Raises:
        ArgumentError: there is no such score, there are no texts, or not as many predictions as references.
        OptionalDependencyError: the score is another package's, which is not installed.
    """
    if name not in TEXT_SCORES:
        raise ArgumentError(f"there is no text score {name!r}; there are {', '.join(TEXT_SCORES)}")
    if len(predictions) != len(references):
        raise ArgumentError(f"{len(predictions)} predictions cannot be compared with {len(references)} references")
    if not predictions:
        raise ArgumentError("there are no texts to score")
    return TEXT_SCORES[name](name, list(predictions), list(references))


def words_of(text: str) -> list[str]:
    """Return the words as SQuAD's evaluation compares them: lower case, no punctuation, no English articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _exact_match(name: str, predictions: list[str], references: list[str]) -> TextScore:
    """Score 1 where both texts are the same but for the space around them."""
    return _mean(name, [float(one.strip() == two.strip()) for one, two in zip(predictions, references, strict=True)])


def _token_f1(name: str, predictions: list[str], references: list[str]) -> TextScore:
    """Score the harmonic mean of precision and recall of words (Rajpurkar et al. 2016, arXiv:1606.05250)."""
    return _mean(name, [_overlap(one, two) for one, two in zip(predictions, references, strict=True)])


def _overlap(prediction: str, reference: str) -> float:
    said, wanted = words_of(prediction), words_of(reference)
    if not said or not wanted:
        return float(said == wanted)
    # 2PR / (P + R) with P = same / said and R = same / wanted
    same = (Counter(said) & Counter(wanted)).total()
    return 2.0 * same / (len(said) + len(wanted))


def _rouge(name: str, predictions: list[str], references: list[str]) -> TextScore:
    """Score the F-measure of Lin 2004 (aclanthology.org/W04-1013), words stemmed as the original program does."""
    scorer = load_extra("rouge_score.rouge_scorer", extra="eval").RougeScorer([name], use_stemmer=True)
    pairs = zip(predictions, references, strict=True)
    scores = [float(scorer.score(target=two, prediction=one)[name].fmeasure) for one, two in pairs]
    return _mean(name, scores, "rouge-score, stemmed, F-measure")


def _bleu(name: str, predictions: list[str], references: list[str]) -> TextScore:
    """Score BLEU (Papineni et al. 2002, doi:10.3115/1073083.1073135); a sample counts the n-grams it can have."""
    bleu = load_extra("sacrebleu.metrics", extra="eval").BLEU
    return _over_corpus(name, bleu(), bleu(effective_order=True), predictions, references)


def _chrf(name: str, predictions: list[str], references: list[str]) -> TextScore:
    """Score the F-measure of character n-grams (Popović 2015, doi:10.18653/v1/W15-3049)."""
    chrf = load_extra("sacrebleu.metrics", extra="eval").CHRF()
    return _over_corpus(name, chrf, chrf, predictions, references)


def _over_corpus(name: str, whole: Any, single: Any, predictions: list[str], references: list[str]) -> TextScore:
    value = whole.corpus_score(predictions, [references]).score
    pairs = zip(predictions, references, strict=True)
    samples = tuple(float(single.sentence_score(one, [two]).score) / 100 for one, two in pairs)
    # Each text's n-gram counts, which is what a corpus' score adds up.
    counts = whole._extract_corpus_statistics(predictions, [references])

    def counted(places: Sequence[int]) -> float:
        return float(whole._aggregate_and_compute([counts[place] for place in places]).score) / 100

    return TextScore(name, float(value) / 100, samples, False, str(whole.get_signature()), counted)


def _mean(name: str, samples: list[float], signature: str = "") -> TextScore:
    return TextScore(name, fmean(samples), tuple(samples), signature=signature)


TEXT_SCORES: MappingProxyType[str, Callable[[str, list[str], list[str]], TextScore]] = MappingProxyType(
    {
        "exact_match": _exact_match,
        "token_f1": _token_f1,
        "rouge1": _rouge,
        "rouge2": _rouge,
        "rougeL": _rouge,
        "bleu": _bleu,
        "chrf": _chrf,
    }
)
