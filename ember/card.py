"""Turns a recipe and what its run measured into the model card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [llama, tiny, synthetic]
---

# Ember

A {parameters:,} parameter Llama-style chat model, pretrained from random weights on text that `ember/corpus.py`
generates. It exists so that ForgeLM's tests, examples and quickstart can train and run a real model offline in seconds.

## What it does

It answers cafe orders in English prose, writes small JSON records on request (bookings, stock, deliveries, lost
items), makes small talk and calls one tool. It practised copying, counting, sums and spelling, and is often wrong at
them. It never saw an order answered in JSON: the bundled `orders` task teaches that, and the base model scores 0 on it.

## Chat format

`<|system|>`, `<|user|>`, `<|assistant|>` and `<|tool|>` open a turn and `<|end|>` closes it; `<|end|>` is also the end
of the text, and `<|pad|>` pads. There is no beginning-of-text token. Tool calls are JSON between `<tool_call>` and
`</tool_call>`. The chat template marks what the assistant says, `<|end|>` included, with `{{% generation %}}`.
The tokenizer is a byte-level BPE of {vocabulary} entries, so every Unicode text survives the round trip.

## Training data

{documents:,} generated documents, {tokens:,} tokens, the longest {longest}, each seen once. Nothing was downloaded; no
personal or third-party text is in it. Orders on the held-out side of the `orders` task are excluded by a checksum.

sha256 of the generated text: `{corpus_sha256}`

## Training

Muon for the matrices, AdamW for embeddings and norms; cosine schedule, float32, {seconds:.0f} s on {threads}
thread(s); weights stored in bfloat16. The loss of tokens that the assistant does not say is weighted {prompt_weight}.

| setting | value |
| --- | --- |
{settings}

| step | loss |
| --- | --- |
{curve}

Loss on {unseen_documents} unseen documents after the cast to bfloat16: {unseen_loss:.4f}. Built with {libraries}.

## Files

| file | bytes | sha256 |
| --- | --- | --- |
{files}

Rebuild with `python ember/pretrain.py`; `python ember/pretrain.py --check` trains again and compares. The same library
versions and processor give the same bytes; others give a model of the same quality.

## Limits

It knows a few hundred words of English about one cafe. It has no knowledge of the world, makes mistakes outside the
kinds of text listed above, and is not fit for any use other than testing and teaching. It was trained on conversations
of up to {longest} tokens, most of them shorter than 128.

## Licence

Apache-2.0, weights and data.
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def card(recipe: Mapping[str, Any], result: Mapping[str, Any], folder: Path) -> str:
    built = [path for path in sorted(folder.iterdir()) if path.name != "README.md"]
    return CARD.format(
        **{**recipe, **result, "curve": "\n".join(row(step, f"{loss:.4f}") for step, loss in result["curve"])},
        settings="\n".join(row(name.replace("_", " "), json.dumps(value)) for name, value in recipe.items()),
        files="\n".join(row(p.name, p.stat().st_size, sha256(p)) for p in built),
    )
