"""Supervised tokens per second of our defaults against TRL's, at the same optimizer steps, on chats of mixed length."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
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
from forgelm.train.loop import train
from forgelm.train.tokenise import choose_encoding, tokenise
from forgelm.train.tokenised import tokenise_data

ROWS, BATCH, RATE, EPOCHS, TURNS = 384, 8, 1e-3, 2, 3
PADDING_FREE = MappingProxyType({"train_sampling_strategy": "random", "padding_free": True})


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    rows = make_chats(ROWS, seed=1)
    contenders = {
        "TRL defaults": _trl_defaults,
        "forgelm defaults": lambda folder, rows, seed: _ours(folder, rows, seed, {}),
        "forgelm padding-free": lambda folder, rows, seed: _ours(folder, rows, seed, PADDING_FREE),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(TURNS):
            for name, contender in contenders.items():
                runs[name].append(contender(Path(folder) / f"{name}{seed}", rows, seed))
    print(f"\nthroughput: {ROWS} chats of mixed length, batch {BATCH}, {EPOCHS} epochs, LoRA r=8, {TURNS} seeds")
    for name, results in runs.items():
        pairs = zip(results, runs["TRL defaults"], strict=True)
        ratio = statistics.median(one["speed"] / other["speed"] for one, other in pairs)
        speed, loss = (statistics.median(result[key] for result in results) for key in ("speed", "loss"))
        print(
            f"  {name:<21} {speed:6.0f} supervised tokens/s   ratio {ratio:.2f}   "
            f"{results[0]['steps']} steps   held-out loss {loss:.4f}"
        )
    print("  target: ratio >= 2.0")


def _ours(folder: Path, rows: list[dict[str, Any]], seed: int, training: Mapping[str, Any]) -> dict[str, float]:
    folder.mkdir()
    write_chats(folder / "train.jsonl", rows)
    write_chats(folder / "validation.jsonl", rows[:1])
    config = ForgeConfig(
        model={"name_or_path": "builtin/ember", "max_length": 1024, "load_in_4bit": False, "offline": True},
        lora={"r": 8, "alpha": 16, "dropout": 0.0, "target_modules": "all-linear"},
        training={
            "output_dir": str(folder / "run"),
            "num_train_epochs": EPOCHS,
            "per_device_train_batch_size": BATCH,
            "gradient_accumulation_steps": 1,
            "learning_rate": RATE,
            "warmup_ratio": 0.0,
            "report_to": "none",
            "seed": seed,
            **training,
        },
        data={"dataset_name_or_path": str(folder)},
    )
    prepared = prepare(config.data, seed=config.training.seed)
    loaded = load(config)
    data = tokenise_data(config, prepared, loaded.tokenizer)
    outcome = train(config, data, loaded, run_files(config), run_id="bench", emit=emit_nothing)
    tokens = outcome.train_ledger.target_tokens
    loss = _held_out_loss(load_saved(outcome.staging, config, loaded), loaded.tokenizer)
    return {"speed": EPOCHS * tokens / outcome.seconds, "steps": outcome.steps, "loss": loss}


def _trl_defaults(folder: Path, rows: list[dict[str, Any]], seed: int) -> dict[str, float]:
    path = str(files("forgelm.model") / "ember")
    transformers.set_seed(seed)
    trainer = trl.SFTTrainer(
        transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32),
        args=trl.SFTConfig(
            output_dir=str(folder),
            assistant_only_loss=True,
            num_train_epochs=EPOCHS,
            seed=seed,
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
    return {"speed": EPOCHS * tokens / seconds, "steps": result.global_step, "loss": loss}


def _held_out_loss(model: Any, tokenizer: Any) -> float:
    rows = tuple(Row(value, "held out", number) for number, value in enumerate(make_chats(64, seed=9), 1))
    encoding = choose_encoding(tokenizer, rows, RowFormat.MESSAGES, max_length=1024, add_eos=True, reply_mask=None)
    # TRL leaves its own loss inside the model's forward; asking without labels gives the plain logits.
    return float(measure_loss(model, tokenise(rows, encoding).examples, pad_token_id=tokenizer.pad_token_id).value or 0)
