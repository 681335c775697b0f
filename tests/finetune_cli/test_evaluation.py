"""Evaluation: numbers equal to their definitions, the same at every batch size, and an honest comparison."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from datasets import Dataset, DatasetDict
from rouge_score.rouge_scorer import RougeScorer
from support import order_rows, write_rows

from finetune_cli.core.exceptions import EmptyDatasetError, EvaluationError, MetricComputationError
from finetune_cli.core.types import EvaluationConfig, EvaluationMetric, ModelConfig
from finetune_cli.data import quick_load
from finetune_cli.evaluation import (
    AccuracyMetric,
    BenchmarkReport,
    BenchmarkRunner,
    BleuMetric,
    EvaluationResult,
    ExactMatchMetric,
    F1Metric,
    MetricRegistry,
    PerplexityMetric,
    RougeMetric,
)
from finetune_cli.evaluation.samples import build_samples
from finetune_cli.models.loader import load_model_and_tokenizer

SAID = ["the cat sat on the mat today", "a dog", "four words are here", ""]
WANTED = ["a cat sat on the mat", "The dog!", "four words are here", "nothing"]
TEXTS = ["two lattes", "I would like one large flat white with oat milk, please", "tea", "a croissant to go"] * 5


@pytest.fixture(scope="module")
def ember() -> tuple[Any, Any]:
    model, tokenizer = load_model_and_tokenizer(ModelConfig("builtin/ember"))
    return model.eval(), tokenizer


def rows(count: int) -> list[dict[str, str]]:
    chats = [row["messages"] for row in order_rows(count)]
    return [{"prompt": chat[0]["content"] + "\n", "response": chat[1]["content"]} for chat in chats]


@pytest.mark.parametrize("metric", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_the_reference_librarys(metric: str) -> None:
    scorer = RougeScorer([metric], use_stemmer=True)
    expected = [scorer.score(two, one)[metric].fmeasure for one, two in zip(SAID, WANTED, strict=True)]
    assert RougeMetric(metric).compute(SAID, WANTED) == pytest.approx(sum(expected) / 4, abs=1e-9)
    assert RougeMetric().name is EvaluationMetric.ROUGE_L


def test_bleu_is_the_reference_librarys() -> None:
    assert BleuMetric().compute(SAID, WANTED) == pytest.approx(sacrebleu.corpus_bleu(SAID, [WANTED]).score / 100)


def test_the_other_metrics_by_hand() -> None:
    assert ExactMatchMetric().compute(SAID, WANTED) == 0.25
    assert AccuracyMetric().compute(SAID, WANTED) == 0.5
    assert F1Metric().compute(SAID, WANTED) == pytest.approx((2 * 4 / (5 + 4) + 1 + 1 + 0) / 4)
    for metric in (BleuMetric(), AccuracyMetric(), RougeMetric()):
        with pytest.raises(MetricComputationError):
            metric.compute(["a"], [])


def test_the_registry_has_every_metric(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    for metric in EvaluationMetric:
        found = MetricRegistry.get(metric, model=model, tokenizer=tokenizer)
        assert found.name is metric
        assert MetricRegistry.get(metric.value, model, tokenizer).compute(SAID, WANTED) == found.compute(SAID, WANTED)
    assert isinstance(MetricRegistry.get("rouge2"), RougeMetric)
    once = MetricRegistry.get("perplexity", model, tokenizer, batch_size=1, max_length=4, device="cpu")
    assert once.compute([], TEXTS) == pytest.approx(PerplexityMetric(model, tokenizer, 8, 4).compute([], TEXTS))
    assert once.compute([], TEXTS) != pytest.approx(PerplexityMetric(model, tokenizer).compute([], TEXTS))


@pytest.mark.parametrize(
    ("metric", "said"), [("rouge9", "rouge9 is none of rouge1"), ("perplexity", "perplexity needs a model")]
)
def test_what_the_registry_has_not_or_cannot_make_is_refused(metric: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MetricRegistry.get(metric)
    with pytest.raises(ValueError, match="bleu is none of rouge1, rouge2, rougeL"):
        RougeMetric("bleu")


@pytest.mark.parametrize("batch_size", [1, 4, 16])
def test_perplexity_is_its_definition_at_every_batch_size(ember: tuple[Any, Any], batch_size: int) -> None:
    model, tokenizer = ember
    total, count = 0.0, 0
    for text in TEXTS:
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            logits = torch.log_softmax(model(input_ids=torch.tensor([ids])).logits[0].double(), dim=-1)
        total -= sum(logits[place, token].item() for place, token in enumerate(ids[1:]))
        count += len(ids) - 1
    found = PerplexityMetric(model, tokenizer, batch_size=batch_size).compute([], TEXTS)
    assert found == pytest.approx(math.exp(total / count), rel=1e-4)


def test_perplexity_is_measured_where_and_on_as_much_as_was_asked(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    whole = PerplexityMetric(model, tokenizer, 4).compute([], TEXTS)
    cut = PerplexityMetric(model, tokenizer, 4, 3).compute([], TEXTS)
    longest = max(len(tokenizer(text)["input_ids"]) for text in TEXTS)
    assert cut != pytest.approx(whole, rel=1e-3)
    assert PerplexityMetric(model, tokenizer, 4, longest, "cpu").compute([], TEXTS) == pytest.approx(whole)
    moved = copy.deepcopy(model)
    PerplexityMetric(moved, tokenizer, device="meta")
    assert {parameter.device.type for parameter in moved.parameters()} == {"meta"}


def test_perplexity_needs_something_to_predict(ember: tuple[Any, Any]) -> None:
    with pytest.raises(MetricComputationError, match="perplexity"):
        PerplexityMetric(*ember).compute([], [""])


def test_the_reference_never_stands_in_the_prompt(ember: tuple[Any, Any], tmp_path: Path) -> None:
    tokenizer = ember[1]
    path = write_rows(tmp_path / "r.jsonl", rows(6))
    tokenised = build_samples(quick_load(path, tokenizer, max_length=128), tokenizer, limit=None)
    raw = build_samples(Dataset.from_list(rows(6)), tokenizer, limit=None)
    assert tokenised == raw, "tokens and text say the same"
    for sample, row in zip(raw, rows(6), strict=True):
        assert sample.text == row["response"]
        assert tokenizer.decode(sample.prompt) == row["prompt"]
        assert tokenizer.eos_token_id not in sample.reference


def test_plain_text_is_asked_with_its_first_half(ember: tuple[Any, Any]) -> None:
    tokenizer = ember[1]
    (sample,) = build_samples(Dataset.from_list([{"text": TEXTS[1]}]), tokenizer, limit=None)
    ids = tokenizer(TEXTS[1])["input_ids"]
    assert sample.prompt + sample.reference == ids
    assert len(sample.prompt) - len(sample.reference) in (0, 1)
    (other,) = build_samples(Dataset.from_list([{"said": TEXTS[1]}]), tokenizer, limit=1, text_column="said")
    assert other == sample
    chosen = build_samples(DatasetDict({"train": Dataset.from_list(rows(3))}), tokenizer, limit=2)
    assert len(chosen) == 2
    with pytest.raises(EmptyDatasetError):
        build_samples(Dataset.from_dict({"text": []}), tokenizer, limit=None)
    with pytest.raises(EvaluationError, match="row 1 has nothing"):
        build_samples(Dataset.from_list([{"input_ids": [5], "labels": [5]}]), tokenizer, limit=None)


@pytest.mark.parametrize("sample", [True, False])
def test_scores_do_not_depend_on_the_batch(ember: tuple[Any, Any], sample: bool) -> None:
    model, tokenizer = ember
    metrics = [EvaluationMetric.ROUGE_L, EvaluationMetric.F1, EvaluationMetric.PERPLEXITY]
    found = [
        BenchmarkRunner(
            EvaluationConfig(metrics, batch_size, 6, generation_max_length=12, generation_do_sample=sample), tokenizer
        ).evaluate(model, Dataset.from_list(rows(8)))
        for batch_size in (1, 4, 16)
    ]
    assert found[0].scores == found[1].scores == found[2].scores
    assert (found[0].num_samples, found[0].model_label) == (6, "model")
    assert set(found[0].scores) == {"rougeL", "f1", "perplexity"}


def test_an_evaluation_needs_metrics(ember: tuple[Any, Any]) -> None:
    with pytest.raises(EvaluationError, match="no metric"):
        BenchmarkRunner(EvaluationConfig([]), ember[1]).evaluate(ember[0], Dataset.from_list(rows(1)))


def test_an_improvement_is_above_zero_whichever_way_a_metric_goes() -> None:
    base = EvaluationResult("base", {"rougeL": 0.2, "perplexity": 20.0}, 5, 1.0)
    tuned = EvaluationResult("fine-tuned", {"rougeL": 0.5, "perplexity": 4.0}, 5, 1.0)
    report = BenchmarkReport(base, tuned)
    assert report.improvements == pytest.approx({"rougeL": 0.3, "perplexity": 16.0})
    assert BenchmarkReport(tuned, base).improvements == pytest.approx({"rougeL": -0.3, "perplexity": -16.0})
    lines = report.summary().splitlines()
    assert max(map(len, lines)) == 60
    assert next(line for line in lines if line.startswith("rougeL")).split() == [
        "rougeL",
        "0.2000",
        "0.5000",
        "+0.3000",
        "▲",
    ]
    assert "perplexity: lower is better" in lines
    assert "▼" in BenchmarkReport(tuned, base).summary()
    assert report.as_record()["improvements"]["perplexity"] == 16.0


def test_two_models_are_compared_on_the_same_rows(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    config = EvaluationConfig([EvaluationMetric.PERPLEXITY], num_samples=4)
    report = BenchmarkRunner(config, tokenizer).run_comparison(model, model, Dataset.from_list(rows(6)))
    assert (report.baseline.model_label, report.finetuned.model_label) == ("base", "fine-tuned")
    assert report.improvements == {"perplexity": 0.0}


def test_replies_are_drawn_as_the_configuration_says(ember: tuple[Any, Any]) -> None:
    model, tokenizer = ember
    dataset = Dataset.from_list(rows(6))

    def score(**fields: Any) -> dict[str, float]:
        config = EvaluationConfig([EvaluationMetric.ROUGE_1], num_samples=6, **{"generation_max_length": 12, **fields})
        return dict(BenchmarkRunner(config, tokenizer).evaluate(model, dataset).scores)

    likeliest = score(generation_do_sample=False)
    assert score(generation_temperature=0.0) == score(generation_top_p=0.0) == likeliest
    assert score(generation_temperature=2.0, generation_top_p=1.0) != likeliest
    assert score(generation_do_sample=False, generation_max_length=2) != likeliest
