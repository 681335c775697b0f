from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support import ember_model, ember_tokenizer, order_rows

from forgelm.evaluate.parity import Probe, measure_replies, measure_tokens
from forgelm.evaluate.served import Served, continue_greedily

END = frozenset({1})


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return ember_tokenizer()


def probes(tokenizer: Any, count: int = 3) -> list[Probe]:
    chats = [tuple(row["messages"]) for row in order_rows(count)]
    ids = [tokenizer.apply_chat_template(list(chat), return_dict=True)["input_ids"] for chat in chats]
    return [Probe(tuple(one), chat, None, "") for one, chat in zip(ids, chats, strict=True)]


def faithful(tokenizer: Any, model: Any = None) -> Served:
    return Served(
        "a model in memory",
        lambda text: list(tokenizer(text, add_special_tokens=False)["input_ids"]),
        lambda ids, count: continue_greedily(model, ids, count, END),
    )


def rendering(tokenizer: Any, change: str = "") -> Any:
    def render(messages: Sequence[Mapping[str, Any]], tools: Any, asked: bool) -> str:
        text = tokenizer.apply_chat_template(
            [dict(one) for one in messages], tokenize=False, add_generation_prompt=asked
        )
        return str(text) + change

    return render


def test_what_serves_the_same_ids_measures_one(tokenizer: Any) -> None:
    measured = measure_tokens(probes(tokenizer), tokenizer, faithful(tokenizer), rendering(tokenizer))
    assert (measured.value, measured.n, measured.details) == (1.0, 3, {"engine": "a model in memory"})


def test_one_more_space_is_a_difference_and_is_shown(tokenizer: Any) -> None:
    measured = measure_tokens(probes(tokenizer), tokenizer, faithful(tokenizer), rendering(tokenizer, " "))
    assert measured.value == 0.0
    assert "saved tokenizer has []" in measured.details["differences"][0]


def test_a_trainer_that_saw_other_ids_is_a_difference(tokenizer: Any) -> None:
    first, *others = probes(tokenizer)
    changed = replace(first, trained=(5, *first.trained[1:]))
    measured = measure_tokens([changed, *others], tokenizer, faithful(tokenizer), rendering(tokenizer))
    assert measured.value == pytest.approx(2 / 3)
    assert measured.details["differences"][0].startswith("token 0: trainer has [5,")


def test_a_row_cut_by_the_trainer_is_compared_up_to_there(tokenizer: Any) -> None:
    cut = [replace(probe, trained=probe.trained[:9]) for probe in probes(tokenizer)]
    assert measure_tokens(cut, tokenizer, faithful(tokenizer), rendering(tokenizer)).value == 1.0


def test_plain_text_needs_no_template(tokenizer: Any) -> None:
    plain = [Probe((), None, None, "two teas, please")]
    assert measure_tokens(plain, tokenizer, faithful(tokenizer), None).value == 1.0
    chats = measure_tokens(probes(tokenizer), tokenizer, faithful(tokenizer), None)
    assert (chats.value, chats.details["differences"][0]) == (0.0, "the file has no chat template")


def test_nothing_to_compare_is_not_measured(tokenizer: Any) -> None:
    assert measure_tokens([], tokenizer, faithful(tokenizer), None).value is None
    silent = [Probe((), ({"role": "assistant", "content": "x"},), None, "")]
    assert measure_replies(silent, None, tokenizer, faithful(tokenizer), END).value is None


def test_replies_agree_with_the_same_model_and_not_with_another(tokenizer: Any) -> None:
    import torch

    model, other = ember_model(), ember_model()
    for parameter in other.parameters():
        parameter.data += torch.randn_like(parameter) * 0.2
    same = measure_replies(probes(tokenizer), model, tokenizer, faithful(tokenizer, model), END)
    assert (same.value, same.n, same.scores) == (1.0, 3, (1.0, 1.0, 1.0))
    assert measure_replies(probes(tokenizer), model, tokenizer, faithful(tokenizer, other), END).value == 0.0
