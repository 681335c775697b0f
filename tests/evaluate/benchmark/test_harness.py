"""The bundled model takes the bundled tasks for real: the harness's own numbers, at every batch size, no trace left."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from support import ember_model, ember_tokenizer

from forgelm.evaluate.benchmark.harness import Asking, ask_tasks
from forgelm.evaluate.benchmark.tasks import Tasks, load_tasks

ASKING = Asking(limit=6, apply_chat_template=True)


@pytest.fixture(scope="module")
def model() -> Any:
    return ember_model()


def tasks() -> Tasks:
    return load_tasks(["cafe", "cafe_talk"])


def test_the_scores_are_what_the_harness_says_itself(model: Any) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    ours = ask_tasks(model, ember_tokenizer(), tasks(), ASKING)
    wrapped = HFLM(pretrained=model, tokenizer=ember_tokenizer(), batch_size=4)
    theirs = simple_evaluate(
        wrapped,
        tasks=list(tasks().single.values()),
        limit=6,
        apply_chat_template=True,
        fewshot_as_multiturn=True,
        bootstrap_iters=0,
    )["results"]
    assert ours.problem is None
    for name, answers in ours.tasks.items():
        assert answers.value == pytest.approx(theirs[name][answers.metric], rel=1e-6)
        remade = answers.aggregate(answers.items) if answers.aggregate else np.mean(answers.items)
        assert remade == pytest.approx(answers.value, rel=1e-12)
    assert {name: answers.metric for name, answers in ours.tasks.items()} == {
        "cafe_orders": "exact_match,none",
        "cafe_records": "acc_norm,none",
        "cafe_talk": "word_perplexity,none",
    }


def test_the_batch_size_changes_nothing(model: Any) -> None:
    found = [
        ask_tasks(model, ember_tokenizer(), tasks(), replace(ASKING, batch_size=size, keep_text=True))
        for size in ("1", "4", "16")
    ]
    for name, first in found[0].tasks.items():
        for other in found[1:]:
            assert other.tasks[name].value == pytest.approx(first.value, rel=1e-6)
    said = [[answer.text["response"] for answer in one.tasks["cafe_orders"].answers if answer.text] for one in found]
    assert said[0] == said[1] == said[2] and said[0][0]


def test_the_chat_template_is_used_where_asked_and_recorded(model: Any) -> None:
    def prompt(asking: Asking) -> str:
        answers = ask_tasks(model, ember_tokenizer(), load_tasks(["cafe_orders"]), replace(asking, keep_text=True))
        assert answers.setting["apply_chat_template"] is asking.apply_chat_template
        text = answers.tasks["cafe_orders"].answers[0].text
        assert text is not None
        return str(text["prompt"])

    assert prompt(ASKING).endswith("<|assistant|>")
    assert "<|assistant|>" not in prompt(replace(ASKING, apply_chat_template=False))
    assert "Be brief." in prompt(replace(ASKING, system_instruction="Be brief."))


def test_solved_examples_come_before_the_question(model: Any) -> None:
    asking = Asking(limit=2, num_fewshot=2, keep_text=True)
    answers = ask_tasks(model, ember_tokenizer(), load_tasks(["cafe_records"]), asking)
    text = answers.tasks["cafe_records"].answers[0].text
    assert text is not None and text["prompt"].count('{"table"') == 2
    assert answers.tasks["cafe_records"].num_fewshot == 2


def test_the_model_and_the_random_generators_are_left_as_they_were(model: Any) -> None:
    model.train()
    loaded = load_tasks(["cafe_talk"])
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    ask_tasks(model, ember_tokenizer(), loaded, Asking(limit=1))
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected
    assert model.training
    model.eval()


def test_a_fault_on_the_way_is_a_problem_and_no_score() -> None:
    broken = ember_model()
    broken.model.embed_tokens.weight.data = torch.zeros(3, 3)
    answers = ask_tasks(broken, ember_tokenizer(), load_tasks(["cafe_talk"]), Asking(limit=1))
    assert answers.problem is not None and answers.problem.startswith("IndexError: ")
    assert answers.tasks == {}
