"""A judge on this machine, the bundled model: it replies, in an order that batches do not change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forgelm.base.errors import ModelError
from forgelm.config.judge import JudgeModelConfig
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.judge.local import LocalJudge, as_model
from forgelm.evaluate.judge.rubric import Question

QUESTIONS = [Question("score", "Be brief.", text, {}) for text in ("Hello!", "One espresso, please.", "What is 2 + 2?")]


def test_the_same_replies_at_every_batch_size(make_config: Callable[..., ForgeConfig]) -> None:
    judge = JudgeModelConfig(judge_model="builtin/ember")
    found = [LocalJudge(judge, make_config(), batch_size=size).ask_all(QUESTIONS) for size in (1, 3)]
    assert found[0] == found[1]
    assert all(said.text and said.input_tokens is None for said in found[0])


def test_a_judge_is_broken_off_between_two_passes(make_config: Callable[..., ForgeConfig]) -> None:
    def look() -> None:
        raise KeyboardInterrupt

    judge = LocalJudge(JudgeModelConfig(judge_model="builtin/ember"), make_config(), batch_size=2, look=look)
    with pytest.raises(KeyboardInterrupt):
        judge.ask_all(QUESTIONS)


def test_a_judge_without_a_chat_template_reads_plain_text(make_config: Callable[..., ForgeConfig]) -> None:
    judge = LocalJudge(JudgeModelConfig(judge_model="builtin/ember"), make_config(), batch_size=2)
    _, tokenizer = judge._load()
    tokenizer.chat_template = None
    assert len(judge.ask_all(QUESTIONS)) == 3


def test_what_is_said_about_the_trained_model_is_not_said_about_the_judge(
    make_config: Callable[..., ForgeConfig],
) -> None:
    config = make_config(
        model={"trust_remote_code": True, "revision": "main"},
        training={"rope_scaling": {"type": "linear", "factor": 2.0}, "sliding_window_attention": 16},
    )
    found = as_model(JudgeModelConfig(judge_model="builtin/ember", judge_model_revision="v1"), config)
    assert (found.model.name_or_path, found.model.revision) == ("builtin/ember", "v1")
    assert not found.model.trust_remote_code
    assert (found.training.rope_scaling, found.training.sliding_window_attention) == (None, None)


def test_who_judged_is_known_without_loading(make_config: Callable[..., ForgeConfig]) -> None:
    judge = LocalJudge(JudgeModelConfig(judge_model="builtin/ember"), make_config(), batch_size=2)
    identity: dict[str, Any] = judge.identity
    assert identity["model"] == "builtin/ember"
    assert judge._loaded is None
    with pytest.raises(ModelError):
        _ = LocalJudge(JudgeModelConfig(judge_model="no/such/model"), make_config(), batch_size=2).identity
