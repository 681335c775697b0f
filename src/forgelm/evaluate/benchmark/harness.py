"""A model in memory to its answers: lm-evaluation-harness puts the questions and scores each one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import Any

from forgelm.base.extras import load_extra
from forgelm.evaluate.benchmark.answers import Answer, BenchmarkAnswers, TaskAnswers, choose_metric
from forgelm.evaluate.benchmark.faults import harness_faults, say_fault
from forgelm.evaluate.benchmark.tasks import EXTRA, Tasks, quiet_harness

# The harness's own, so that scores compare with published ones.
FEWSHOT_SEED = 1234
_CPU_BATCH = 8
_REQUESTS = ("loglikelihood", "loglikelihood_rolling", "generate_until")


@dataclass(frozen=True)
class Asking:
    """How questions are put. ``batch_size`` is a number as text, or ``auto``; ``None`` leaves a choice to the task."""

    num_fewshot: int | None = None
    limit: int | None = None
    batch_size: str = "auto"
    apply_chat_template: bool = False
    system_instruction: str | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)
    keep_text: bool = False
    allow_unsafe_code: bool = False


def ask_tasks(model: Any, tokenizer: Any, tasks: Tasks, asking: Asking) -> BenchmarkAnswers:
    """Return what ``model`` answers. What goes wrong on the way is the answers' ``problem``.

    The model is in evaluation mode meanwhile and as before afterwards; so are the random generators.
    """
    began = time.monotonic()
    setting = describe_asking(tasks, asking, tokenizer)
    try:
        with quiet_harness(), _asked(model), kept_randomness():
            _prepare(tasks, asking)
            raw = _evaluate(model, tokenizer, tasks, asking)
            found = {name: _read_task(name, task, raw, asking) for name, task in tasks.single.items()}
    except harness_faults() as error:
        return BenchmarkAnswers(
            tasks.benchmarks, problem=say_fault(error), seconds=time.monotonic() - began, setting=setting
        )
    return BenchmarkAnswers(tasks.benchmarks, found, None, time.monotonic() - began, setting, raw)


def describe_asking(tasks: Tasks, asking: Asking, tokenizer: Any) -> dict[str, Any]:
    """Return what must be known to get the same scores again."""
    from_task = sorted(name for name, task in tasks.single.items() if task.get_config("num_fewshot") == 0)
    return {
        "harness": f"lm_eval {version('lm_eval')}",
        "apply_chat_template": asking.apply_chat_template,
        "has_chat_template": bool(getattr(tokenizer, "chat_template", None)),
        "system_instruction": asking.system_instruction,
        "num_fewshot": asking.num_fewshot,
        "num_fewshot_fixed_at_0": from_task if asking.num_fewshot else [],
        "limit": asking.limit,
        "fewshot_seed": FEWSHOT_SEED,
        "allow_unsafe_code": asking.allow_unsafe_code,
    }


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Put the random generators back: a training that follows must not depend on what was asked before it."""
    torch, np = load_extra("torch", extra="train"), load_extra("numpy", extra="train")
    python, numpy_state = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(FEWSHOT_SEED)
        random.seed(0)
        np.random.seed(FEWSHOT_SEED)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)


def _prepare(tasks: Tasks, asking: Asking) -> None:
    """Set the number of solved examples, where a task has not fixed it at none, and the seed they are drawn by."""
    for task in tasks.single.values():
        default = task.get_config("num_fewshot")
        if asking.num_fewshot is not None and default != 0:
            task.set_config(key="num_fewshot", value=asking.num_fewshot)
        elif default is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=FEWSHOT_SEED)


def _evaluate(model: Any, tokenizer: Any, tasks: Tasks, asking: Asking) -> Mapping[str, Any]:
    harness = load_extra("lm_eval.evaluator", extra=EXTRA)
    wrapped = load_extra("lm_eval.models.huggingface", extra=EXTRA).HFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=_batch_size(model, asking.batch_size)
    )
    for kind in _REQUESTS:
        setattr(wrapped, kind, partial(getattr(wrapped, kind), disable_tqdm=True))
    raw: Mapping[str, Any] = harness.evaluate(
        lm=wrapped,
        task_dict=dict(tasks.harness),
        limit=asking.limit,
        bootstrap_iters=0,
        log_samples=True,
        system_instruction=asking.system_instruction,
        apply_chat_template=asking.apply_chat_template,
        fewshot_as_multiturn=asking.apply_chat_template,
        confirm_run_unsafe_code=asking.allow_unsafe_code,
    )
    return raw


def _batch_size(model: Any, wanted: str) -> str | int:
    """Return the batch size; the harness finds one by filling a GPU's memory, which a CPU's would not survive."""
    if wanted != "auto":
        return int(wanted)
    return "auto" if model.device.type == "cuda" else _CPU_BATCH


def _read_task(name: str, task: Any, raw: Mapping[str, Any], asking: Asking) -> TaskAnswers:
    results = raw["results"][name]
    key = choose_metric(name, results, asking.metrics)
    metric, _, chosen_filter = key.partition(",")
    rows = [row for row in raw["samples"][name] if row["filter"] == chosen_filter and metric in row]
    mean = load_extra("lm_eval.api.metrics", extra=EXTRA).mean
    aggregate = task.aggregation().get(metric, mean)
    averaged = aggregate is mean and all(isinstance(row[metric], (int, float)) for row in rows)
    return TaskAnswers(
        name=name,
        metric=key,
        higher_is_better=bool(task.higher_is_better().get(metric, True)),
        value=float(results[key]),
        answers=tuple(
            _read_answer(row, float(row[metric]) if averaged else row[metric], keep_text=asking.keep_text)
            for row in sorted(rows, key=lambda row: int(row["doc_id"]))
        ),
        aggregate=None if averaged else aggregate,
        others={other: value for other, value in results.items() if other != key and isinstance(value, float)},
        version=task.VERSION,
        num_fewshot=int(task.get_config("num_fewshot") or 0),
    )


def _read_answer(row: Mapping[str, Any], item: Any, *, keep_text: bool) -> Answer:
    text = None
    if keep_text:
        text = {"prompt": _prompt(row["arguments"]), "target": row["target"], "response": row["filtered_resps"]}
    return Answer(int(row["doc_id"]), item, row["doc_hash"], row["prompt_hash"], row["target_hash"], text)


def _prompt(arguments: Sequence[Any]) -> Any:
    first = arguments[0] if arguments else ()
    return first[0] if first else None


@contextmanager
def _asked(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
