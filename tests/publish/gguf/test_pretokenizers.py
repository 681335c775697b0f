from __future__ import annotations

import json
from typing import Any

import pytest
from merging import EMBER

from forgelm.base.errors import ModelError
from forgelm.publish.gguf.pretokenizers import TAKE_WHOLE_TOKENS, WAYS, find_way


def ember(**changes: Any) -> dict[str, Any]:
    return {**json.loads((EMBER / "tokenizer.json").read_bytes()), **changes}


def trained(patterns: list[str], *, whole: bool = False) -> dict[str, Any]:
    """A byte-level tokenizer trained with ``patterns``, so that how it cuts shows in its merges."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    texts = ["we'll see 333 4444 HelloWorld it's\n\n\nend  of   text\t\tx86 WE'LL 3.14!!! ???\r\n /a/b//\n ...\n"] * 50
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    found["model"]["ignore_merges"] = whole
    return found


def test_the_bundled_model_does_what_gpt_2_does_though_written_otherwise() -> None:
    assert find_way(ember()) == "gpt-2"


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_found_by_its_name(way: str) -> None:
    assert find_way(trained(list(WAYS[way]), whole=way in TAKE_WHOLE_TOKENS)) == way


def test_another_way_is_refused() -> None:
    with pytest.raises(ModelError, match=r"in a way that llama\.cpp has no name for") as caught:
        find_way(trained([r".{1,9}"]))
    assert "qwen2" in str(caught.value.hint)


def test_a_broken_tokenizer_is_refused() -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be used"):
        find_way(ember(model={"type": "BPE", "vocab": 3}))
