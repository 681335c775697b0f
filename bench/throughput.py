"""Supervised tokens per second of our defaults against TRL's, at the same optimizer steps, on chats of mixed length."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import datasets
import peft
import torch
import transformers
import trl

from bench.chats import make_chats, write_chats
from forgelm.base.events import emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare
from forgelm.data.rows import Row, RowFormat
from forgelm.evaluate.loss import measure_loss
from forgelm.model.load import load, load_saved
from forgelm.run.folder import run_files
from forgelm.train.loop import tokenise_data, train
from forgelm.train.tokenise import choose_encoding, tokenise

ROWS, BATCH, RATE, TURNS = 384, 8, 1e-3, 3


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    rows = make_chats(ROWS, seed=1)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            ours.append(_ours(Path(folder) / f"ours{turn}", rows))
            theirs.append(_trl_defaults(Path(folder) / f"trl{turn}", rows))
    ratios = [one["speed"] / other["speed"] for one, other in zip(ours, theirs, strict=True)]
    print(f"\nthroughput: {ROWS} chats of mixed length, batch {BATCH}, one epoch, LoRA r=8, {TURNS} runs in turn")
    for name, runs in (("forgelm", ours), ("TRL defaults", theirs)):
        speed = statistics.median(run["speed"] for run in runs)
        facts = f"{runs[0]['steps']} steps   held-out loss {runs[0]['loss']:.3f}"
        print(f"  {name:<13} {speed:8.0f} supervised tokens/s   {facts}")
    print(f"  ratio {statistics.median(ratios):.2f}  (target >= 2.0; min {min(ratios):.2f}, max {max(ratios):.2f})")


def _ours(folder: Path, rows: list[dict[str, Any]]) -> dict[str, float]:
    folder.mkdir()
    write_chats(folder / "train.jsonl", rows)
    write_chats(folder / "validation.jsonl", rows[:1])
    config = ForgeConfig(
        model={"name_or_path": "builtin/ember", "max_length": 1024, "load_in_4bit": False, "offline": True},
        lora={"r": 8, "alpha": 16, "dropout": 0.0, "target_modules": "all-linear"},
        training={
            "output_dir": str(folder / "run"),
            "num_train_epochs": 1,
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": 1,
            "learning_rate": RATE,
            "warmup_ratio": 0.0,
            "report_to": "none",
        },
        data={"dataset_name_or_path": str(folder)},
    )
    prepared = prepare(config.data, seed=config.training.seed)
    loaded = load(config)
    data = tokenise_data(config, prepared, loaded.tokenizer)
    outcome = train(config, data, loaded, run_files(config), run_id="bench", emit=emit_nothing)
    tokens = outcome.train_ledger.target_tokens
    loss = _held_out_loss(load_saved(outcome.staging, config, loaded), loaded.tokenizer)
    return {"speed": tokens / outcome.seconds, "steps": outcome.steps, "loss": loss}


def _trl_defaults(folder: Path, rows: list[dict[str, Any]]) -> dict[str, float]:
    path = str(files("forgelm.model") / "ember")
    transformers.set_seed(42)
    trainer = trl.SFTTrainer(
        transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32),
        args=trl.SFTConfig(
            output_dir=str(folder),
            assistant_only_loss=True,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            learning_rate=RATE,
            use_cpu=True,
            bf16=False,
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(path),
        peft_config=peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    trainer.remove_callback(transformers.PrinterCallback)
    tokens = sum(label != -100 for labels in trainer.train_dataset["labels"] for label in labels)
    began = time.monotonic()
    result = trainer.train()
    seconds = time.monotonic() - began
    loss = _held_out_loss(trainer.model, trainer.processing_class)
    return {"speed": tokens / seconds, "steps": result.global_step, "loss": loss}


def _held_out_loss(model: Any, tokenizer: Any) -> float:
    rows = tuple(Row(value, "held out", number) for number, value in enumerate(make_chats(64, seed=9), 1))
    encoding = choose_encoding(tokenizer, rows, RowFormat.MESSAGES, max_length=1024, add_eos=True, reply_mask=None)
    # TRL leaves its own loss inside the model's forward; asking without labels gives the plain logits.
    return float(measure_loss(model, tokenise(rows, encoding).examples, pad_token_id=tokenizer.pad_token_id).value or 0)
