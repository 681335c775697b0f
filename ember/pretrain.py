"""Turns the generated corpus into Ember, a small Llama-style chat model: tokenizer, weights, chat template and card.

The same seeds, library versions and processor give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers
from card import card
from corpus import Document, documents
from tokenizer import as_text, save_tokenizer, train_tokenizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

MODEL_DIR = Path(__file__).parents[1] / "src/forgelm/model/ember"
Model = Any  # transformers leaves its classes partly untyped
Tokenizer = Any


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what the weights become."""

    seed: int = 7
    vocabulary: int = 1024
    tokenizer_documents: int = 20_000
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 320
    context: int = 1024
    tokens_per_step: int = 2048
    steps: int = 1800
    warmup: int = 80
    matrix_learning_rate: float = 0.012
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    prompt_weight: float = 0.2
    threads: int = 1


@dataclass(frozen=True)
class Example:
    ids: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Result:
    """What one run measured."""

    parameters: int
    documents: int
    tokens: int
    longest: int
    corpus_sha256: str
    curve: list[tuple[int, float]]
    unseen_documents: int
    unseen_loss: float
    seconds: float
    libraries: str


@dataclass(frozen=True)
class Corpus:
    groups: list[list[Example]]
    documents: int
    tokens: int
    longest: int
    sha256: str


def encode(tokenizer: Tokenizer, document: Document, recipe: Recipe) -> Example:
    if document.text:
        ids = tokenizer(document.text + "<|end|>")["input_ids"]
        return Example(ids, [1.0] * len(ids))
    encoded = tokenizer.apply_chat_template(
        document.messages, tools=document.tools, return_dict=True, return_assistant_tokens_mask=True
    )
    weights = [1.0 if said else recipe.prompt_weight for said in encoded["assistant_masks"]]
    return Example(encoded["input_ids"][: recipe.context], weights[: recipe.context])


def batches(examples: list[Example], recipe: Recipe) -> list[list[Example]]:
    """Groups examples of like length, each group up to `tokens_per_step` with its padding, in a seeded order."""
    groups: list[list[Example]] = [[]]
    for example in sorted(examples, key=lambda x: len(x.ids)):
        if (len(groups[-1]) + 1) * len(example.ids) > recipe.tokens_per_step:
            groups.append([])
        groups[-1].append(example)
    random.Random(recipe.seed).shuffle(groups)
    return groups


def build_model(tokenizer: Tokenizer, recipe: Recipe) -> Model:
    config = LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.feed_forward,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(recipe.seed)
    return LlamaForCausalLM(config)


def build_corpus(tokenizer: Tokenizer, recipe: Recipe) -> Corpus:
    """Documents until there is text for every step."""
    digest, examples, tokens = hashlib.sha256(), [], 0
    stream = documents(recipe.seed, recipe.steps * recipe.tokens_per_step)
    while tokens < recipe.steps * recipe.tokens_per_step:
        document = next(stream)
        digest.update(as_text(document).encode())
        examples.append(encode(tokenizer, document, recipe))
        tokens += len(examples[-1].ids)
    longest = max(len(x.ids) for x in examples)
    return Corpus(batches(examples, recipe), len(examples), tokens, longest, digest.hexdigest())


def loss_of(model: Model, group: list[Example]) -> torch.Tensor:
    width = max(len(x.ids) for x in group)
    ids = torch.tensor([x.ids + [0] * (width - len(x.ids)) for x in group])
    weights = torch.tensor([x.weights + [0.0] * (width - len(x.ids)) for x in group])[:, 1:]
    logits = model(input_ids=ids).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return (losses * weights.flatten()).sum() / weights.sum()


def rate(step: int, total: int, warmup: int) -> float:
    """Linear warm-up, then a cosine to zero, as a share of the learning rate."""
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / total))


def train(model: Model, corpus: Corpus, recipe: Recipe) -> list[tuple[int, float]]:
    """One pass over the corpus; returns (step, mean loss since the point before)."""
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim == 1 or "embed" in name]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=recipe.matrix_learning_rate, weight_decay=recipe.weight_decay),
        torch.optim.AdamW(others, lr=recipe.learning_rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]
    total = len(corpus.groups)
    schedules = [LambdaLR(x, lambda step: rate(step, total, recipe.warmup)) for x in optimizers]
    curve: list[tuple[int, float]] = []
    recent: list[float] = []
    model.train()
    for step, group in enumerate(corpus.groups, 1):
        loss = loss_of(model, group)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        recent.append(loss.item())
        if step % max(1, total // 14) == 0 or step == total:
            curve.append((step, round(sum(recent) / len(recent), 4)))
            recent.clear()
            print(f"step {step} of {total}, loss {curve[-1][1]:.4f}", flush=True)
    return curve


def save(model: Model, tokenizer: Tokenizer, folder: Path) -> None:
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    model.generation_config = GenerationConfig.from_dict({"max_new_tokens": 128, **ends})
    model.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    for file in folder.iterdir():
        file.chmod(0o644)


def pretrain(recipe: Recipe, folder: Path) -> Result:
    """Trains tokenizer and model and saves both in `folder`."""
    start = time.perf_counter()
    torch.set_num_threads(recipe.threads)
    torch.use_deterministic_algorithms(True)
    tokenizer = train_tokenizer(
        documents(recipe.seed + 1, recipe.tokenizer_documents), recipe.vocabulary, recipe.context
    )
    model = build_model(tokenizer, recipe)
    corpus = build_corpus(tokenizer, recipe)
    curve = train(model, corpus, recipe)
    model.eval().to(torch.bfloat16)
    unseen = [encode(tokenizer, document, recipe) for document in documents(recipe.seed + 2, 500)]
    with torch.no_grad():
        losses = [loss_of(model.float(), group).item() for group in batches(unseen, recipe)]
    save(model.to(torch.bfloat16), tokenizer, folder)
    return Result(
        parameters=model.num_parameters(),
        documents=corpus.documents,
        tokens=corpus.tokens,
        longest=corpus.longest,
        corpus_sha256=corpus.sha256,
        curve=curve,
        unseen_documents=len(unseen),
        unseen_loss=sum(losses) / len(losses),
        seconds=time.perf_counter() - start,
        libraries=", ".join(f"{x.__name__} {x.__version__}" for x in (torch, transformers, tokenizers)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Pretrain Ember on generated text.")
    parser.add_argument("--output", type=Path, default=MODEL_DIR, help="the model folder")
    parser.add_argument("--check", action="store_true", help="train again and compare with the folder; write nothing")
    options = parser.parse_args()
    folder: Path = options.output
    if options.check:
        with tempfile.TemporaryDirectory() as scratch:
            pretrain(Recipe(), Path(scratch))
            changed = [p.name for p in Path(scratch).iterdir() if p.read_bytes() != (folder / p.name).read_bytes()]
        raise SystemExit(f"differs from {folder}: {', '.join(changed)}" if changed else None)
    result = pretrain(Recipe(), folder)
    (folder / "README.md").write_text(card(asdict(Recipe()), asdict(result), folder), encoding="utf-8")


if __name__ == "__main__":
    main()
