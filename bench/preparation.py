"""Rows a second of rendering and tokenising chats with a mask on the replies, against TRL's own preparation of rows.

Beside them the template and the tokenizer alone, which both ways run: the least processor time that either can take.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import datasets
import transformers
import trl
from transformers.utils.chat_template_utils import render_jinja_template

from bench.chats import make_chats
from bench.timing import middle
from forgelm.data.rows import Row, RowFormat
from forgelm.train.columns import build_sft_dataset
from forgelm.train.tokenise import choose_encoding, tokenise

ROWS, TURNS, TARGET = 4000, 5, 3.0
ALONE = "template and tokenizer alone"


def main() -> None:
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(files("forgelm.model") / "ember"))
    chats = make_chats(ROWS, seed=4)
    ways: dict[str, Callable[[], Any]] = {
        "TRL": lambda: _theirs(chats, tokenizer),
        "forgelm": lambda: _ours(chats, tokenizer),
        ALONE: lambda: _alone(chats, tokenizer),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    made: dict[str, Any] = {}
    for _ in range(TURNS):
        for name, way in ways.items():
            cpu, wall, made[name] = _time(way)
            taken[name].append((cpu, wall))
    for column in ("input_ids", "labels"):
        assert list(made["TRL"][column]) == list(made["forgelm"][column]), f"the two prepare different {column}"
    print(f"\npreparation: {ROWS} chats rendered and tokenised, median of {TURNS} turns, {os.cpu_count()} cores")
    for name, times in taken.items():
        cpu, wall = (middle(column) for column in zip(*times, strict=True))
        print(f"  {name:<{len(ALONE)}} {ROWS / wall:7.0f} rows/s of wall time   {ROWS / cpu:7.0f} rows/s of CPU time")
    for name in ("forgelm", ALONE):
        cpu, wall = (
            middle([their[at] / other[at] for their, other in zip(taken["TRL"], taken[name], strict=True)])
            for at in (0, 1)
        )
        print(
            f"  TRL / {name}: {wall:.2f} wall, {cpu:.2f} cpu" + (f"  (target >= {TARGET})" if name == "forgelm" else "")
        )


def _time(way: Callable[[], Any]) -> tuple[float, float, Any]:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    made = way()
    return time.process_time() - cpu, time.perf_counter() - wall, made


def _ours(chats: list[dict[str, Any]], tokenizer: Any) -> Any:
    rows = tuple(Row(value, "bench", number) for number, value in enumerate(chats, 1))
    encoding = choose_encoding(tokenizer, rows, RowFormat.MESSAGES, max_length=1024, add_eos=True, reply_mask=None)
    return build_sft_dataset(tokenise(rows, encoding).examples)


def _theirs(chats: list[dict[str, Any]], tokenizer: Any) -> Any:
    """Return what ``SFTTrainer`` makes of the rows as it is built: its method asks nothing else of the trainer."""
    datasets.disable_caching()
    arguments = trl.SFTConfig(
        output_dir="unused", assistant_only_loss=True, max_length=1024, use_cpu=True, report_to="none"
    )
    trainer = SimpleNamespace(_tokenizer=tokenizer, _is_vlm=False, chat_template=None, completion_only_loss=False)
    prepare = trl.SFTTrainer._prepare_dataset
    rows = datasets.Dataset.from_list(chats)
    return prepare(trainer, rows, tokenizer, arguments, packing=False, formatting_func=None, dataset_name="train")


def _alone(chats: list[dict[str, Any]], tokenizer: Any) -> Any:
    texts, _ = render_jinja_template(
        conversations=[chat["messages"] for chat in chats],
        chat_template=tokenizer.chat_template,
        return_assistant_tokens_mask=True,
        **tokenizer.special_tokens_map,
    )
    return tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)


if __name__ == "__main__":
    main()
