"""Turns generated documents into Ember's tokenizer: a byte-level BPE with the chat template and the special tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corpus import Document
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
MARKERS = ["<tool_call>", "</tool_call>"]
WORD = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
RESPONSE = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|assistant|>",
    "fields": {
        "tool_calls": {
            "open": "<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close": "<|end|>", "content": "text"},
    },
}


def as_text(document: Document) -> str:
    """Raw text for the tokenizer to learn from."""
    calls = [json.dumps(m["tool_calls"]) for m in document.messages if "tool_calls" in m]
    tools = [json.dumps(document.tools)] if document.tools else []
    return "\n".join([document.text, *tools, *calls, *(m["content"] for m in document.messages)])


def train_tokenizer(texts: Iterable[Document], vocabulary: int, context: int) -> Any:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(MARKERS),
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(map(as_text, texts), trainer)
    core.add_tokens([AddedToken(m, special=False, normalized=False) for m in MARKERS])
    build: Any = PreTrainedTokenizerFast
    tokenizer = build(
        tokenizer_object=core,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        extra_special_tokens=SPECIAL[2:],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        response_template=RESPONSE,
    )
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Saves the tokenizer, its settings under the names that every transformers version reads."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
