"""Names of benchmarks into tasks that can be asked: the harness's own, the bundled ones, and a user's folders."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ModelError
from forgelm.base.extras import load_extra
from forgelm.base.network import is_offline
from forgelm.evaluate.benchmark.faults import harness_faults, say_fault

EXTRA = "eval"
_NEAREST = 3


@dataclass(frozen=True)
class Benchmark:
    """One benchmark as the user named it and the tasks it is made of; ``by_size`` counts each by its questions."""

    name: str
    parts: tuple[str, ...]
    by_size: bool = False


@dataclass(frozen=True)
class Tasks:
    """What can be asked: ``harness`` is the harness's own mapping of tasks and groups, each task once."""

    benchmarks: tuple[Benchmark, ...]
    harness: Mapping[str, Any]

    @property
    def single(self) -> Mapping[str, Any]:
        """Every task by its name."""
        found: Mapping[str, Any] = self.harness["tasks"]
        return found


def load_tasks(names: Sequence[str], include_path: Sequence[str] = (), *, offline: bool = False) -> Tasks:
    """Return the tasks called ``names``, their data read.

    Raises:
        OptionalDependencyError: lm-evaluation-harness is not installed.
        ConfigError: a name is unknown, two of them hold the same task, or a task's data cannot be had.
    """
    with quiet_harness():
        manager = open_catalogue(names, include_path)
        try:
            loaded = manager.load(list(names))
            benchmarks = tuple(_describe(name, manager, loaded) for name in names)
        except harness_faults() as error:
            if isinstance(error, ValueError) and "Duplicate task" in str(error):
                raise ConfigError(
                    f"evaluation.benchmark.tasks: {say_fault(error)}", hint="name the group or its task, not both"
                ) from error
            if not isinstance(error, (OSError, StopIteration)):
                raise ConfigError(
                    f"the benchmarks {', '.join(names)} cannot be set up: {say_fault(error)}",
                    hint="see their task files, and whether they need a package or a version of it",
                ) from error
            raise ConfigError(
                f"the data of {', '.join(names)} cannot be had: {say_fault(error)}",
                hint=_remedy(names, offline=offline),
            ) from error
    return Tasks(benchmarks, loaded)


def open_catalogue(names: Sequence[str], include_path: Sequence[str] = ()) -> Any:
    """Return the harness's catalogue with ``names`` in it; its own 14 000 tasks are read only when they are needed.

    Raises:
        OptionalDependencyError: lm-evaluation-harness is not installed.
        ConfigError: a folder does not exist, or a name is unknown; the message has the nearest ones.
    """
    folders = [str(files("forgelm.evaluate.benchmark") / "bundled"), *include_path]
    for folder in folders:
        if not Path(folder).is_dir():
            raise ConfigError(f"evaluation.benchmark.include_path: there is no folder {folder}")
    harness = load_extra("lm_eval.tasks", extra=EXTRA)
    manager = harness.TaskManager(include_path=folders, include_defaults=False)
    unknown = [name for name in names if name not in manager.task_index]
    needs_more = unknown or _refers_elsewhere(manager)
    if needs_more:
        manager = harness.TaskManager(include_path=folders)
        unknown = [name for name in names if name not in manager.task_index]
    if unknown:
        raise ConfigError("; ".join(_say_unknown(name, manager) for name in unknown))
    _anchor_data(manager, [Path(folder).resolve() for folder in folders])
    return manager


@contextmanager
def quiet_harness() -> Iterator[None]:
    """Let the harness and what it calls log errors only: it warns of every setting that it was given on purpose."""
    logs = [logging.getLogger(name) for name in ("lm_eval", "transformers")]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)


def _say_unknown(name: str, manager: Any) -> str:
    known = manager.all_tasks
    near = get_close_matches(name, known, n=_NEAREST, cutoff=0.6)
    near += [task for task in known if name in task and task not in near][: _NEAREST - len(near)]
    meant = f"; did you mean {' or '.join(near)}?" if near else "; `lm-eval ls tasks` lists them"
    return f"there is no benchmark '{name}'{meant}"


def _refers_elsewhere(manager: Any) -> bool:
    """Whether a group of the user's folders is made of tasks that are not in them."""
    index = manager.task_index
    members = [member for entry in index.values() for member in _members(entry)]
    return any(member not in index for member in members)


def _members(entry: Any) -> list[str]:
    listed = (entry.cfg or {}).get("task")
    if not isinstance(listed, list):
        return []
    return [item for item in listed if isinstance(item, str)] + [
        item["task"] for item in listed if isinstance(item, dict) and isinstance(item.get("task"), str)
    ]


def _anchor_data(manager: Any, folders: Sequence[Path]) -> None:
    """Let data files that a task of the user's folders names be sought beside it, not where the command was run."""
    yaml_loader = load_extra("lm_eval.tasks._yaml_loader", extra=EXTRA)
    index = manager.task_index
    for name, entry in list(index.items()):
        path = entry.yaml_path and Path(entry.yaml_path).resolve()
        if not path or not any(path.is_relative_to(folder) for folder in folders):
            continue
        options = (entry.cfg or {}).get("dataset_kwargs")
        if isinstance(options, dict) and {"data_files", "data_dir"} & set(options):
            config = yaml_loader.load_yaml(path)
            config["dataset_kwargs"] = {
                key: _anchor(value, path.parent) if key in ("data_files", "data_dir") else value
                for key, value in options.items()
            }
            index[name] = replace(entry, yaml_path=None, cfg=config)


def _anchor(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {key: _anchor(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_anchor(item, folder) for item in value]
    if not isinstance(value, str) or "://" in value or os.path.isabs(value):
        return value
    beside = folder / value
    return value if not beside.exists() and Path(value).exists() else str(beside)


def _describe(name: str, manager: Any, loaded: Mapping[str, Any]) -> Benchmark:
    group = loaded["groups"].get(name)
    if group is not None:
        parts = [task.task_name for task in group.get_all_tasks()]
    else:
        entry = manager.task_index[name]
        parts = sorted(task for task in entry.tags if task in loaded["tasks"]) if entry.kind.name == "TAG" else [name]
    if not any(len(loaded["tasks"][part].eval_docs) for part in parts):
        raise ConfigError(f"benchmark '{name}' has no questions")
    by_size = group is not None and any(rule.weight_by_size for rule in group.aggregate_metric_list or ())
    return Benchmark(name, tuple(parts), by_size)


def _remedy(names: Sequence[str], *, offline: bool) -> str:
    if offline or is_offline():
        fetch = f"forgelm cache tasks --tasks {','.join(names)}"
        return f"run '{fetch}' where there is a network, with the same HF_HOME, or copy its cache here"
    return "check the network and the task's data set; 'forgelm cache tasks' fetches it beforehand"


def check_code(tasks: Tasks, *, allowed: bool) -> None:
    """Refuse tasks that run what the model writes unless that was asked for.

    Raises:
        ConfigError: there is one, and it is not allowed.
        ModelError: there is one that needs pictures or sound.
    """
    unsafe = sorted(name for name, task in tasks.single.items() if getattr(task, "UNSAFE_CODE", False))
    if unsafe and not allowed:
        raise ConfigError(
            f"{', '.join(unsafe)} runs code that the model writes, on this machine",
            hint="set evaluation.benchmark.allow_unsafe_code: true, in a container, if that is what you want",
        )
    seeing = sorted(name for name, task in tasks.single.items() if getattr(task, "MULTIMODAL", False))
    if seeing:
        raise ModelError(f"{', '.join(seeing)} asks about pictures or sound, and the model reads text")
