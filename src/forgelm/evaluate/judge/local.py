"""A judge on this machine: a causal language model that replies greedily, in its chat template if it has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.network.replies import Said
from forgelm.config.judge import JudgeModelConfig
from forgelm.config.root import ForgeConfig
from forgelm.evaluate.evaluator import Look, look_at_nothing
from forgelm.evaluate.judge.endpoint import LONGEST_REPLY_TOKENS
from forgelm.evaluate.judge.rubric import Question
from forgelm.model.generate import generate_replies, generate_texts
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import load_base, load_tokenizer, plan_load, resolve
from forgelm.model.passes import before_each_pass
from forgelm.model.revision import Revision


class LocalJudge:
    """One judge in this machine's memory. It is loaded with the first question that the cache does not answer.

    ``look`` is called before each of its passes, and may raise.
    """

    def __init__(
        self, judge: JudgeModelConfig, config: ForgeConfig, *, batch_size: int, look: Look = look_at_nothing
    ) -> None:
        self.name = judge.judge_model
        self._config = as_model(judge, config)
        self._batch_size = batch_size
        self._look = look
        self._revision: Revision | None = None
        self._loaded: tuple[Any, Any] | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What a reply depends on, beside the question."""
        revision = self._resolve()
        return {"model": self.name, "revision": revision.revision_resolved, "path": revision.path}

    def ask_all(self, questions: Sequence[Question]) -> list[Said]:
        """Return the replies in the order of ``questions``.

        Raises:
            ModelError: the judge cannot be loaded.
        """
        model, tokenizer = self._load()
        options: dict[str, Any] = {"max_new_tokens": LONGEST_REPLY_TOKENS, "batch_size": self._batch_size}
        with before_each_pass(model, self._look):
            if tokenizer.chat_template:
                texts = generate_replies(model, tokenizer, [question.messages for question in questions], **options)
            else:
                prompts = [tokenizer(f"{q.system}\n\n{q.user}\n\nReply:\n")["input_ids"] for q in questions]
                texts = generate_texts(model, tokenizer, prompts, **options)
        return [Said(text) for text in texts]

    def _resolve(self) -> Revision:
        if self._revision is None:
            self._revision = resolve(self._config)
        return self._revision

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            revision = self._resolve()
            precision, hardware = plan_load(self._config, revision), detect_hardware()
            tokenizer = load_tokenizer(self._config, revision)
            self._loaded = load_base(self._config, revision, precision, hardware).eval(), tokenizer
        return self._loaded


def as_model(judge: JudgeModelConfig, config: ForgeConfig) -> ForgeConfig:
    """Return ``config`` with the judge in the place of the model to train; see ``as_other_model``."""
    return as_other_model(judge.judge_model, judge.judge_model_revision, config)


def as_other_model(name: str, revision: str | None, config: ForgeConfig) -> ForgeConfig:
    """Return ``config`` with another model in the place of the one to train, loaded in the same precision.

    What was said about the trained model's code and positions is not said about the other.
    """
    changes = {
        "model.name_or_path": name,
        "model.revision": revision,
        "model.trust_remote_code": False,
        "training.rope_scaling": None,
        "training.sliding_window_attention": None,
    }
    for path, value in changes.items():
        config = config.replace(path, value)
    return config
