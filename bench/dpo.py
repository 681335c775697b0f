"""DPO with the reference asked once against TRL's default, which asks it in every step: pairs a second, same losses.

The contenders take turns. Counted is everything from the rows to the last step; the model and its tokenizer are there.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import datasets
import peft
import torch
import transformers
import trl

from bench.chats import make_chats
from bench.own_run import configure
from bench.timing import middle
from forgelm.base.events import emit_nothing
from forgelm.config.root import ForgeConfig
from forgelm.data.prepare import prepare_run
from forgelm.model.load import load
from forgelm.run.folder import run_files
from forgelm.train.loop import train
from forgelm.train.tokenised import tokenise_data

PAIRS, BATCH, RATE, EPOCHS, TURNS = 64, 8, 5e-4, 3, 3


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    pairs = _make_pairs()
    ways: dict[str, Callable[[Path], dict[str, float]]] = {
        "TRL defaults": lambda folder: _trl_defaults(folder, pairs),
        "forgelm, reference in every step": lambda folder: _ours(folder, pairs, {"precompute_ref_log_probs": False}),
        "forgelm defaults": lambda folder: _ours(folder, pairs, {}),
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):
            for number, (name, way) in enumerate(ways.items()):
                runs[name].append(way(Path(folder) / f"{turn}-{number}"))
    print(f"\ndpo: {PAIRS} pairs of mixed length, batch {BATCH}, {EPOCHS} epochs, LoRA r=8, median of {TURNS} turns")
    for name, results in runs.items():
        compared = list(zip(runs["TRL defaults"], results, strict=True))
        wall, cpu = (middle([theirs[key] / own[key] for theirs, own in compared]) for key in ("wall", "cpu"))
        speed = EPOCHS * PAIRS / middle([one["cpu"] for one in results])
        print(
            f"  {name:<33} {speed:5.1f} pairs/s of CPU time   times as fast as TRL: {wall:.2f} wall, {cpu:.2f} cpu   "
            f"loss {middle([one['loss'] for one in results]):.4f}"
        )


def _make_pairs() -> list[dict[str, Any]]:
    chats = [row["messages"] for row in make_chats(PAIRS, seed=6)]
    others = [chat[-1] for chat in chats[7:] + chats[:7]]
    return [
        {
            "prompt": chat[:-1],
            "chosen": chat[-1:],
            "rejected": [{"role": "assistant", "content": f"No. {other['content']}"}],
        }
        for chat, other in zip(chats, others, strict=True)
    ]


def _measure(train_it: Callable[[], float]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    loss = train_it()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "loss": loss}


def _ours(folder: Path, pairs: list[dict[str, Any]], training: Mapping[str, Any]) -> dict[str, float]:
    options = {"trainer_type": "dpo", "num_train_epochs": EPOCHS, "per_device_train_batch_size": BATCH}
    options |= {"learning_rate": RATE, "warmup_ratio": 0.0}
    config = ForgeConfig(**configure(folder, pairs, pairs[:1], **options, **training))
    loaded = load(config)

    def run() -> float:
        data = tokenise_data(config, prepare_run(config), loaded.tokenizer)
        outcome = train(config, data, loaded, run_files(config), run_id="bench", emit=emit_nothing)
        return float(outcome.train_loss)

    return _measure(run)


def _trl_defaults(folder: Path, pairs: list[dict[str, Any]]) -> dict[str, float]:
    path = str(files("forgelm.model") / "ember")
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)

    def run() -> float:
        trainer = trl.DPOTrainer(
            model,
            args=trl.DPOConfig(
                output_dir=str(folder),
                num_train_epochs=EPOCHS,
                per_device_train_batch_size=BATCH,
                learning_rate=RATE,
                use_cpu=True,
                bf16=False,
                report_to="none",
                disable_tqdm=True,
                logging_strategy="no",
                save_strategy="no",
            ),
            train_dataset=datasets.Dataset.from_list(pairs),
            processing_class=tokenizer,
            peft_config=peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        return float(trainer.train().training_loss)

    return _measure(run)


if __name__ == "__main__":
    main()
