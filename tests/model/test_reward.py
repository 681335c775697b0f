"""A real sequence classifier, made here, scores prompt and reply together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support import ember_tokenizer, sections

from forgelm.base.errors import ModelError
from forgelm.config.root import ForgeConfig
from forgelm.model.reward import RewardModel

CHAT = [{"role": "user", "content": "tea"}]


def config(folder: Path, name: str) -> ForgeConfig:
    training = {"trainer_type": "grpo", "grpo_reward_model": name}
    return ForgeConfig(**sections(folder / "d.jsonl", folder / "run", training=training))


@pytest.fixture
def classifier(tmp_path: Path) -> str:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=1024, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_labels=1
    )
    LlamaForSequenceClassification(shape).save_pretrained(tmp_path / "judge")
    ember_tokenizer().save_pretrained(tmp_path / "judge")
    return str(tmp_path / "judge")


def test_scores_depend_on_prompt_and_reply_and_not_on_the_batch(tmp_path: Path, classifier: str) -> None:
    judge = RewardModel(config(tmp_path, classifier))
    replies: list[Any] = [[{"role": "assistant", "content": text}] for text in ("One tea.", "No.", "One tea, at once.")]
    together = judge(prompts=[CHAT] * 3, completions=replies)
    alone = [judge(prompts=[CHAT], completions=[reply])[0] for reply in replies]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(together)) == 3
    other = judge(prompts=[[{"role": "user", "content": "coffee"}]], completions=replies[:1])
    assert other[0] != pytest.approx(together[0], abs=1e-6)
    assert judge(prompts=["tea"], completions=["One tea."], level=[3])


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="gone"):
        RewardModel(config(tmp_path, str(tmp_path / "gone")))(prompts=["a"], completions=["b"])
