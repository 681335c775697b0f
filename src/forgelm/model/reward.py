"""A model with one output as a reward: how good it finds a reply to a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.network import hub_token
from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import detect_hardware
from forgelm.model.load import loading_errors
from forgelm.model.revision import resolve_revision

_LONGEST = 2048
_BATCH = 16


class RewardModel:
    """Scores prompt and completion together with ``training.grpo_reward_model``, loaded when it is first asked."""

    def __init__(self, config: ForgeConfig) -> None:
        self._config = config
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, *, prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float]:
        """Return the model's first output for each pair.

        Raises:
            ModelError: the model cannot be found or loaded.
        """
        torch = load_extra("torch", extra="train")
        if self._loaded is None:
            self._loaded = self._load()
        model, tokenizer = self._loaded
        texts = [_join(tokenizer, prompt, reply) for prompt, reply in zip(prompts, completions, strict=True)]
        scores: list[float] = []
        with torch.inference_mode():
            for start in range(0, len(texts), _BATCH):
                batch = tokenizer(
                    texts[start : start + _BATCH],
                    return_tensors="pt",
                    padding=True,
                    truncation=True,
                    max_length=min(tokenizer.model_max_length, _LONGEST),
                )
                ids = {name: batch[name].to(model.device) for name in ("input_ids", "attention_mask")}
                scores += model(**ids).logits[:, 0].float().tolist()
        return scores

    def _load(self) -> tuple[Any, Any]:
        transformers = load_extra("transformers", extra="train")
        training, offline = self._config.training, self._config.model.offline
        name = str(training.grpo_reward_model)
        token = hub_token(self._config.auth.hf_token if self._config.auth else None)
        pinned = training.grpo_reward_model_revision
        revision = resolve_revision(name, revision=pinned, offline=offline, token=token)
        options: dict[str, Any] = {"local_files_only": offline or revision.is_local, **revision.load_options()}
        if token and not revision.is_local:
            options["token"] = token
        with loading_errors(f"the reward model {name}"):
            # What matters stands at the end: where it is too long, the prompt's beginning goes.
            tokenizer = transformers.AutoTokenizer.from_pretrained(revision.path, truncation_side="left", **options)
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                revision.path, use_safetensors=True, **options
            )
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        if tokenizer.pad_token_id is None:
            raise ModelError(f"the tokenizer of the reward model {name} has neither a pad nor an end token")
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        return model.eval().to(detect_hardware().device), tokenizer


def _join(tokenizer: Any, prompt: Any, reply: Any) -> str:
    if isinstance(prompt, str):
        return prompt + (reply if isinstance(reply, str) else str(reply[-1].get("content") or ""))
    chat = [*prompt, *reply]
    if tokenizer.chat_template:
        return str(tokenizer.apply_chat_template(chat, tokenize=False))
    return "\n".join(str(message.get("content") or "") for message in chat)
