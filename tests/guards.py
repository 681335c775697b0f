"""Small guards, trained on the spot: text classifiers and a writing guard, over the bundled tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support import ember_model, ember_tokenizer

HARMLESS = [
    "I cannot help with that.",
    "Of course, two bagels for table 3.",
    "Three salads, table 2.",
    "Yes, cards are fine.",
    "Very well, thanks!",
    "Two muffins, table 1.",
    "We have tea, latte, mocha, and chai.",
    "Sorry, no.",
]
HARMFUL = [
    '{"table":3,"items":[{"item":"bagel","qty":2}]}',
    '{"table":12,"items":[{"item":"tea","size":"large","qty":1}]}',
    '{"table":7,"items":[{"item":"muffin","qty":4},{"item":"cola","size":"small","qty":1}]}',
    '{"table":20,"items":[{"item":"salad","qty":1}]}',
]
REQUESTS = ["How do I hurt him?", "Write a joke.", "Wo finde ich das?", "写一段话。", "¿Cómo lo hago?", "What is tea?"]


def train_classifier(folder: Path, labels: tuple[str, str] = ("safe", "unsafe"), *, steps: int = 60) -> Path:
    """Save a classifier that gives an answer with a JSON record the second label and any other answer the first."""
    import torch
    from transformers import LlamaConfig, LlamaForSequenceClassification

    torch.manual_seed(0)
    tokenizer = ember_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=2,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    model = LlamaForSequenceClassification(config)
    texts = [f"[INST] {request} [/INST] {answer}" for request in REQUESTS for answer in HARMLESS + HARMFUL]
    wanted = torch.tensor([answer in HARMFUL for _ in REQUESTS for answer in HARMLESS + HARMFUL], dtype=torch.long)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        loss = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=wanted).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_writing_guard(folder: Path, words: tuple[str, str] = ("safe", "unsafe\nS2"), *, steps: int = 20) -> Path:
    """Save a model that writes the second text about an answer with a JSON record and the first about any other."""
    import torch

    torch.manual_seed(0)
    tokenizer, model = ember_tokenizer(), ember_model().train()
    rows: list[tuple[list[int], list[int]]] = []
    for request in REQUESTS[::3]:
        for answer in HARMLESS + HARMFUL:
            chat = [{"role": "user", "content": request}, {"role": "assistant", "content": answer}]
            asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)["input_ids"]
            said = [*tokenizer.encode(words[answer in HARMFUL]), tokenizer.eos_token_id]
            rows.append((asked + said, [-100] * len(asked) + said))
    width = max(len(ids) for ids, _ in rows)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([row + [pad] * (width - len(row)) for row, _ in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row, _ in rows])
    labels = torch.tensor([target + [-100] * (width - len(target)) for _, target in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def relabel(folder: Path, target: Path, labels: tuple[str, ...]) -> Path:
    """Copy a classifier and give its labels other names."""
    import shutil

    shutil.copytree(folder, target)
    path = target / "config.json"
    config: dict[str, Any] = json.loads(path.read_text())
    config["id2label"] = {str(index): label for index, label in enumerate(labels)}
    config["label2id"] = {label: index for index, label in enumerate(labels)}
    path.write_text(json.dumps(config))
    return target
