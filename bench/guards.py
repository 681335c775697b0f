"""Answers and verdicts in batches of 16 against one by one: the safety evaluation's two passes on the bundled model."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import torch
import transformers

from forgelm.config.safety import GuardConfig
from forgelm.evaluate.safety.answers import ask_probes
from forgelm.evaluate.safety.asking import ask_guard
from forgelm.evaluate.safety.guard import Guard, load_guard, plan_guard
from forgelm.evaluate.safety.probes import load_probes

PROBES, TOKENS, BATCH, TURNS = 64, 32, 16, 3


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    ember = str(files("forgelm.model") / "ember")
    tokenizer = transformers.AutoTokenizer.from_pretrained(ember)
    model = transformers.AutoModelForCausalLM.from_pretrained(ember, dtype=torch.float32).eval()
    found = load_probes("builtin/probes")
    probes = replace(found, probes=found.probes[:: len(found.probes) // PROBES][:PROBES])
    answers = ask_probes(model, tokenizer, probes, max_new_tokens=TOKENS, batch_size=BATCH)
    pairs = [(probe.prompt, text) for probe, text in zip(probes.probes, answers.texts or (), strict=True)]
    with tempfile.TemporaryDirectory() as name:
        classifier = _load(_write_classifier(Path(name)), "classification")
        writer = _load(Path(ember), "generation")
        passes: dict[str, Callable[[int], object]] = {
            "answers": lambda size: ask_probes(model, tokenizer, probes, max_new_tokens=TOKENS, batch_size=size),
            "writing guard": lambda size: ask_guard(writer, pairs, batch_size=size),
            "classifier": lambda size: ask_guard(classifier, pairs, batch_size=size),
        }
        print(
            f"\nguards: {PROBES} probes, {TOKENS} tokens an answer, batches of {BATCH} against one by one, CPU seconds"
        )
        for title, work in passes.items():
            times = [(_time(work, 1), _time(work, BATCH)) for _ in range(TURNS)]
            single, batched = (statistics.median(column) for column in zip(*times, strict=True))
            ratio = statistics.median(one / other for one, other in times)
            print(f"  {title:<14} {single:6.2f} -> {batched:5.2f}   ratio {ratio:.1f}")
    print("  target: ratio >= 4")


def _load(folder: Path, mode: str) -> Guard:
    section = GuardConfig.model_validate({"classifier": str(folder), "classifier_mode": mode})
    return load_guard(plan_guard(section, offline=True, token=None), offline=True, token=None)


def _write_classifier(folder: Path) -> Path:
    ember = str(files("forgelm.model") / "ember")
    labels = {0: "safe", 1: "unsafe"}
    model = transformers.AutoModelForSequenceClassification.from_pretrained(ember, id2label=labels, num_labels=2)
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(ember).save_pretrained(folder)
    return folder


def _time(work: Callable[[int], object], batch_size: int) -> float:
    start = time.process_time()
    work(batch_size)
    return time.process_time() - start
