"""Supervised tokens per second of our defaults against TRL's, and the losses of both, on chats of three mixes.

Both take as many optimizer steps over the same rows; the contenders take turns. Seconds are those of the clock and of
the processor, from the first step to the last.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import datasets
import peft
import torch
import transformers
import trl

from bench.chats import MIXES, make_chats
from bench.own_run import configure
from forgelm.base.events import Event
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
PADDED = MappingProxyType({"train_sampling_strategy": "random", "padding_free": False})
TARGETS = MappingProxyType(dict(zip(MIXES, (2.2, 2.2, 1.0), strict=True)))


@dataclass(frozen=True)
class Trained:
    """One training: ``curve`` is the loss of every step, ``loss`` that of held-out rows afterwards."""

    tokens: int
    wall: float
    cpu: float
    curve: tuple[float, ...]
    loss: float
    batching: str = ""


def main() -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    print(f"\nthroughput: {ROWS} chats, batch {BATCH}, {EPOCHS} epochs, LoRA r=8, {TURNS} seeds, medians")
    for mix in MIXES:
        with tempfile.TemporaryDirectory() as folder:
            _print(mix, _train_in_turn(Path(folder), mix))


def _train_in_turn(root: Path, mix: str) -> dict[str, list[Trained]]:
    rows, held_out = make_chats(ROWS, seed=1, mix=mix), make_chats(64, seed=9, mix=mix)
    runs: dict[str, list[Trained]] = {"TRL defaults": [], "forgelm defaults": [], "forgelm padded": []}
    for seed in range(TURNS):
        places = {name: root / f"{name} {seed}" for name in runs}
        runs["TRL defaults"].append(_trl_defaults(places["TRL defaults"], rows, held_out, seed))
        runs["forgelm defaults"].append(_ours(places["forgelm defaults"], rows, held_out, seed, {}))
        if not seed:
            runs["forgelm padded"].append(_ours(places["forgelm padded"], rows, held_out, seed, PADDED))
    return runs


def _print(mix: str, runs: Mapping[str, list[Trained]]) -> None:
    ours, theirs, padded = runs["forgelm defaults"], runs["TRL defaults"], runs["forgelm padded"][0]
    print(f"  {mix}: {ours[0].batching}")
    for name in ("TRL defaults", "forgelm defaults"):
        speed = statistics.median(run.tokens / run.wall for run in runs[name])
        quarters = " ".join(f"{loss:.3f}" for loss in _middle_curve(runs[name]))
        losses = [run.loss for run in runs[name]]
        print(
            f"    {name:<17} {speed:6.0f} supervised tokens/s   {len(runs[name][0].curve)} steps   training loss by "
            f"quarters {quarters}   held-out loss {_spread(losses)}"
        )
    pairs = list(zip(ours, theirs, strict=True))
    wall = [theirs.wall / theirs.tokens / (ours.wall / ours.tokens) for ours, theirs in pairs]
    cpu = [theirs.cpu / theirs.tokens / (ours.cpu / ours.tokens) for ours, theirs in pairs]
    print(f"    ratio by the clock {_spread(wall, 2)}, by processor time {_spread(cpu, 2)}; target >= {TARGETS[mix]}")
    apart = max(abs(mine - other) / other for mine, other in zip(ours[0].curve, padded.curve, strict=True))
    print(f"    the same order of rows padded: no step's loss differs by more than {apart:.1e} of it")


def _middle_curve(runs: list[Trained]) -> Iterator[float]:
    """Yield the mean loss of each quarter of the steps, the middle one of all seeds."""
    size = len(runs[0].curve) / 4
    for quarter in range(4):
        part = slice(round(quarter * size), round((quarter + 1) * size))
        yield statistics.median(statistics.fmean(run.curve[part]) for run in runs)


def _spread(values: list[float], digits: int = 4) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _ours(
    folder: Path, rows: list[dict[str, Any]], held_out: list[dict[str, Any]], seed: int, training: Mapping[str, Any]
) -> Trained:
    options = {"num_train_epochs": EPOCHS, "per_device_train_batch_size": BATCH, "learning_rate": RATE}
    options |= {"warmup_ratio": 0.0, "logging_steps": 1, "seed": seed}
    config = ForgeConfig(**configure(folder, rows, rows[:1], **options, **training))
    prepared = prepare(config.data, seed=config.training.seed)
    loaded = load(config)
    data = tokenise_data(config, prepared, loaded.tokenizer)
    clock, curve = _Clock(), []

    def hear(event: Event, /, **fields: Any) -> None:
        if event is Event.TRAINING_STARTED:
            clock.start()
        elif event is Event.PROGRESS and "loss" in fields:
            curve.append(float(fields["loss"]))
            clock.stop()

    outcome = train(config, data, loaded, run_files(config), run_id="bench", emit=hear)
    loss = _held_out_loss(load_saved(outcome.staging, config, loaded), loaded.tokenizer, held_out)
    tokens = EPOCHS * outcome.train_ledger.target_tokens
    return Trained(tokens, clock.wall, clock.cpu, tuple(curve), loss, str(outcome.batching))


def _trl_defaults(folder: Path, rows: list[dict[str, Any]], held_out: list[dict[str, Any]], seed: int) -> Trained:
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
            logging_steps=1,
            use_cpu=True,
            bf16=False,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(path),
        peft_config=peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    clock = _Clock()
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(_clock_steps(clock))
    tokens = EPOCHS * sum(label != -100 for labels in trainer.train_dataset["labels"] for label in labels)
    trainer.train()
    curve = tuple(float(log["loss"]) for log in trainer.state.log_history if "loss" in log)
    loss = _held_out_loss(trainer.model, trainer.processing_class, held_out)
    return Trained(tokens, clock.wall, clock.cpu, curve, loss)


class _Clock:
    """Seconds of the clock and of this process's processor time between ``start`` and the last ``stop``."""

    def start(self) -> None:
        self._began = time.monotonic(), time.process_time()

    def stop(self) -> None:
        self.wall, self.cpu = time.monotonic() - self._began[0], time.process_time() - self._began[1]


def _clock_steps(clock: _Clock) -> transformers.TrainerCallback:
    class Clocked(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_log(self, *_: Any, logs: Mapping[str, float] | None = None, **__: Any) -> None:
            if "loss" in (logs or {}):
                clock.stop()

    return Clocked()


def _held_out_loss(model: Any, tokenizer: Any, chats: list[dict[str, Any]]) -> float:
    rows = tuple(Row(value, "held out", number) for number, value in enumerate(chats, 1))
    encoding = choose_encoding(tokenizer, rows, RowFormat.MESSAGES, max_length=1024, add_eos=True, reply_mask=None)
    # TRL leaves its own loss inside the model's forward; asking without labels gives the plain logits.
    return float(measure_loss(model, tokenise(rows, encoding).examples, pad_token_id=tokenizer.pad_token_id).value or 0)
