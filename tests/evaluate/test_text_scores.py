"""Text scores: equal to the libraries they name, and to hand-made values where there is none."""

from __future__ import annotations

import random

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from forgelm.base.errors import ArgumentError
from forgelm.evaluate.text_scores import TEXT_SCORES, score_texts, words_of

WORDS = ("cat", "mats", "sitting", "The", "running", "çay", "İstanbul", "42", "it's", ".", "größer", "日本", "\n")


def _texts(seed: int, count: int = 60) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(WORDS, k=chosen.randrange(0, 14))) for _ in range(count)]


@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_the_reference_librarys(name: str) -> None:
    said, wanted = _texts(1), _texts(2)
    found = score_texts(name, said, wanted)
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    expected = [scorer.score(two, one)[name].fmeasure for one, two in zip(said, wanted, strict=True)]
    assert found.samples == pytest.approx(expected, abs=1e-6)
    assert found.value == pytest.approx(sum(expected) / len(expected), abs=1e-6)
    assert found.is_mean and max(found.samples) > 0


@pytest.mark.parametrize(
    ("name", "corpus", "sentence"),
    [
        ("bleu", sacrebleu.corpus_bleu, sacrebleu.sentence_bleu),
        ("chrf", sacrebleu.corpus_chrf, sacrebleu.sentence_chrf),
    ],
)
def test_bleu_and_chrf_are_the_reference_librarys(name, corpus, sentence) -> None:  # type: ignore[no-untyped-def]
    said, wanted = _texts(3), _texts(4)
    found = score_texts(name, said, wanted)
    assert found.value == pytest.approx(corpus(said, [wanted]).score / 100, abs=1e-6)
    expected = [sentence(one, [two]).score / 100 for one, two in zip(said, wanted, strict=True)]
    assert found.samples == pytest.approx(expected, abs=1e-6)
    assert not found.is_mean and "version:" in found.signature


def test_exact_match_ignores_only_the_space_around_a_text() -> None:
    found = score_texts("exact_match", ["a b\n", "a  b", "A b", ""], [" a b", "a b", "a b", " "])
    assert found.samples == (1.0, 0.0, 0.0, 1.0)
    assert found.value == 0.5


@pytest.mark.parametrize(
    ("said", "wanted", "score"),
    [
        ("The cat sat.", "a cat sat", 1.0),
        ("cat", "cat sat on mat", 2 * 1 * 0.25 / 1.25),
        ("dog dog cat", "dog cat cat", 2 / 3),
        ("dog", "cat", 0.0),
        ("the", "an", 1.0),
        ("", "cat", 0.0),
    ],
)
def test_token_f1_by_hand(said: str, wanted: str, score: float) -> None:
    assert score_texts("token_f1", [said], [wanted]).value == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("name", TEXT_SCORES)
def test_a_text_against_itself_scores_one_and_nothing_leaves_the_scale(name: str) -> None:
    texts = ["the quick brown fox jumps over the dog", "four words are enough here"]
    assert score_texts(name, texts, texts).value == pytest.approx(1.0)
    mixed = score_texts(name, _texts(5), _texts(6))
    assert all(0.0 <= score <= 1.0 for score in (mixed.value, *mixed.samples))
    assert len(mixed.samples) == 60


def test_words_are_compared_without_case_punctuation_and_articles() -> None:
    assert words_of("The Cat's an--animal, a  THEATRE") == ["cats", "ananimal", "theatre"]


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no text score 'rougeX'"):
        score_texts("rougeX", ["a"], ["a"])
    with pytest.raises(ArgumentError, match="2 predictions"):
        score_texts("bleu", ["a", "b"], ["a"])
    with pytest.raises(ArgumentError, match="no texts"):
        score_texts("exact_match", [], [])


@pytest.mark.parametrize("name", TEXT_SCORES)
def test_a_resampled_corpus_scores_as_that_corpus_does(name: str) -> None:
    said = ["the cat sat down", "a dog ran", "no", "the sun is bright"]
    wanted = ["the cat sat", "a dog ran away", "yes", "the sun was bright"]
    places = [3, 0, 0, 1]
    drawn = score_texts(name, [said[place] for place in places], [wanted[place] for place in places])
    assert score_texts(name, said, wanted).resample(places) == pytest.approx(drawn.value)
