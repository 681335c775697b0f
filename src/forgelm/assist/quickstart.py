"""The first run: bundled model, bundled data, no network. Shows held-out answers before and after fine-tuning."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.assist.starters import Started, choose_model, copy_rows, place_config
from forgelm.assist.templates import ORDERS
from forgelm.base.events import Emit, Event, emit_nothing
from forgelm.base.files import write_text
from forgelm.config.load import load_config
from forgelm.config.root import ForgeConfig
from forgelm.model.generate import generate_replies
from forgelm.model.hardware import one_thread
from forgelm.model.load import LoadedModel, load, load_saved
from forgelm.run.result import TrainResult
from forgelm.run.single import run_single
from forgelm.run.stop import StopRequest

_TRAIN, _HELD_OUT_FILE = "train.jsonl", "heldout.jsonl"
_HELD_OUT = 64
_MAX_NEW_TOKENS = 96


@dataclass(frozen=True)
class Answer:
    """One held-out question with the reply wanted and the replies before and after fine-tuning."""

    question: str
    wanted: str
    before: str
    after: str


@dataclass(frozen=True)
class QuickstartReport:
    """What the quickstart showed. Exact match is the share of held-out replies equal to the wanted one, 0..1.

    ``folder`` is the run's.
    """

    config_path: str
    folder: str
    result: TrainResult
    exact_match_before: float
    exact_match_after: float
    held_out_rows: int
    answers: tuple[Answer, ...]
    seconds: float


def write_quickstart(output: str | None) -> Started:
    """Write the config and the rows of the orders into a folder.

    Raises:
        ConfigError: one of the files exists already.
        StorageError: the folder cannot be written.
    """
    path = place_config(ORDERS, output, (_TRAIN, _HELD_OUT_FILE))
    copy_rows(ORDERS, path.parent)
    write_text(path, _CONFIG.format(title=ORDERS.title, folder=json.dumps(str(path.parent))[1:-1]))
    return Started(str(path), str(path.parent / _TRAIN), choose_model(ORDERS, None))


def run_quickstart(path: Path, *, listen: Emit = emit_nothing, stop: StopRequest | None = None) -> QuickstartReport:
    """Ask the base model, fine-tune it, ask the saved model the same held-out questions.

    Raises:
        the same as ``run_single``.
    """
    began = time.monotonic()
    config = load_config(str(path))
    held_out = _read_held_out(path.parent / _HELD_OUT_FILE)
    with one_thread():
        listen(Event.STAGE, name="asking the base model")
        loaded = load(config)
        before = _ask(loaded.model, loaded, held_out)
        result = run_single(config, listen=listen, stop=stop)
        listen(Event.STAGE, name="asking the fine-tuned model")
        after = _ask_saved(result, config, loaded, held_out)
    answers = tuple(
        Answer(chat[-2]["content"], chat[-1]["content"], one, two)
        for chat, one, two in zip(held_out, before, after, strict=True)
    )
    return QuickstartReport(
        config_path=str(path),
        folder=config.training.output_dir,
        result=result,
        exact_match_before=_share(answer.before == answer.wanted for answer in answers),
        exact_match_after=_share(answer.after == answer.wanted for answer in answers),
        held_out_rows=len(answers),
        answers=answers,
        seconds=time.monotonic() - began,
    )


def _read_held_out(path: Path) -> list[list[dict[str, Any]]]:
    lines = path.read_text(encoding="utf-8").splitlines()[:_HELD_OUT]
    return [json.loads(line)["messages"] for line in lines]


def _ask_saved(
    result: TrainResult, config: ForgeConfig, loaded: LoadedModel, held_out: Sequence[list[dict[str, Any]]]
) -> list[str]:
    return _ask(load_saved(Path(str(result.output_dir)), config, loaded), loaded, held_out)


def _ask(model: Any, loaded: LoadedModel, held_out: Sequence[list[dict[str, Any]]]) -> list[str]:
    questions = [chat[:-1] for chat in held_out]
    return generate_replies(model, loaded.tokenizer, questions, max_new_tokens=_MAX_NEW_TOKENS, batch_size=64)


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return sum(found) / len(found)


_CONFIG = """\
# {title}.
# Everything here is on this machine: the model and the data are part of the package, and training runs on a CPU.

model:
  name_or_path: builtin/ember
  max_length: 128
  load_in_4bit: false
  offline: true

lora:
  r: 16
  alpha: 32
  dropout: 0.0
  target_modules: all-linear

training:
  output_dir: "{folder}/run"
  trainer_type: sft
  num_train_epochs: 2
  per_device_train_batch_size: 16
  gradient_accumulation_steps: 1
  learning_rate: 3e-3
  lr_scheduler_type: cosine
  warmup_ratio: 0.05
  report_to: none

data:
  dataset_name_or_path: "{folder}/train.jsonl"

# The model is promoted only if it beats the base model on rows it has not seen.
evaluation:
  auto_revert: true
  max_acceptable_loss: 0.5

compliance:
  provider_name: Example
  system_name: Order taker
  intended_purpose: Turns a guest's order into one line of JSON for the till. A demonstration.
  known_limitations: A toy model of under a million parameters that knows one cafe's menu.
  system_version: "1"
"""
