"""The reward of greedy replies, with the columns of the rows."""

from __future__ import annotations

from typing import Any

import pytest
from support import ember_model, ember_tokenizer, order_rows

from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.reward import measure_reward
from forgelm.train.rewards import Reward
from forgelm.train.tokenise import choose_encoding, tokenise


@pytest.mark.parametrize("chat", [True, False])
def test_it_is_the_mean_over_the_rows(chat: bool) -> None:
    prompts = [row["messages"][:-1] if chat else "Tea" for row in order_rows(3)]
    rows = tuple(Row({"prompt": prompt, "columns": {"n": n}}, "d", n) for n, prompt in enumerate(prompts))
    tokenizer = ember_tokenizer()
    encoding = choose_encoding(tokenizer, rows, RowFormat.PROMPT_ONLY, max_length=64, add_eos=True, reply_mask=None)
    heard: dict[str, Any] = {}

    def score(**given: Any) -> list[float]:
        heard.update(given)
        return [float(n) for n in given["n"]]

    measured = measure_reward(
        ember_model(), tokenizer, tokenise(rows, encoding).examples, [Reward("mine", score, 2.0)], max_new_tokens=4
    )
    assert (measured.name, measured.value, measured.n) == ("eval_reward", 2.0, 3)
    assert heard["prompts"] == prompts
    assert all(isinstance(completion, list) is chat for completion in heard["completions"])
