"""What a run without a network will need, fetched while there is one: models, and the data of benchmarks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import ConfigError, ForgeError, StorageError
from forgelm.base.events import Event
from forgelm.base.network import hub_token, is_offline
from forgelm.evaluate.benchmark.tasks import load_tasks, open_catalogue, quiet_harness
from forgelm.evidence.ledger import AuditLogger
from forgelm.model.cache import CachedModel, cache_model, hub_cache


@dataclass(frozen=True)
class CachedTask:
    """One benchmark. ``error`` says why its data is not here."""

    name: str
    cached: bool
    error: str | None = None


@dataclass(frozen=True)
class CachedTasks:
    """All of them. ``cache_dir`` is the ``HF_HOME`` they are under."""

    tasks: tuple[CachedTask, ...]
    cache_dir: str

    @property
    def complete(self) -> bool:
        return all(task.cached for task in self.tasks)


@dataclass(frozen=True)
class CachedModels:
    """All of them, and the hub's cache folder they are in."""

    models: tuple[CachedModel, ...]
    cache_dir: str

    @property
    def total_size_mb(self) -> float:
        return round(sum(model.size_mb for model in self.models), 2)


def cache_models(
    names: Sequence[str], *, safety: str | None = None, output: str | None = None, audit_dir: str | None = None
) -> CachedModels:
    """Fetch ``names`` and the safety classifier ``safety``; each may end in ``@revision``. The first failure ends it.

    Raises:
        ConfigError: there is no name, or one is blank, or this machine is told to stay offline.
        ForgeError: one could not be fetched.
    """
    wanted = [*names, *([safety] if safety is not None else [])]
    if not wanted or not all(name.strip() for name in wanted):
        raise ConfigError("name at least one model, none of them blank", hint="--model org/name")
    _check_online()
    folder = hub_cache(output)
    _check_folder(folder)
    about: dict[str, Any] = {"models": wanted, "cache_dir": str(folder), "safety_classifier": safety}
    done: list[CachedModel] = []
    with _open_log(audit_dir) as log:
        log(Event.CACHE_MODELS_REQUESTED, **about)
        try:
            for name in wanted:
                done.append(cache_model(name, folder, token=hub_token(None)))
        except ForgeError as error:
            failed = {"error_class": type(error).__name__, "error_message": error.message}
            log(Event.CACHE_MODELS_FAILED, **about, models_completed=[model.name for model in done], **failed)
            # Nothing is wrong in a configuration: it could not be fetched.
            raise ForgeError(error.message, hint=error.hint) from error
        total = sum(model.size_bytes for model in done)
        log(Event.CACHE_MODELS_COMPLETED, **about, total_size_bytes=total, count=len(done))
    return CachedModels(tuple(done), str(folder))


def cache_tasks(
    names: Sequence[str],
    *,
    include_path: Sequence[str] = (),
    output: str | None = None,
    audit_dir: str | None = None,
) -> CachedTasks:
    """Read the data of every benchmark in ``names`` once, which keeps it. One that fails does not stop the others.

    ``output`` becomes ``HF_HOME`` of this process, so it must not have loaded the data sets library before.

    Raises:
        ConfigError: no name is given, or one of them is unknown.
        OptionalDependencyError: lm-evaluation-harness is not installed.
    """
    if not names or not all(name.strip() for name in names):
        raise ConfigError("name at least one benchmark, none of them blank", hint="--tasks arc_easy,hellaswag")
    _check_online()
    folder = Path(os.path.abspath(output or os.environ.get("HF_HOME") or os.path.expanduser("~/.cache/huggingface")))
    _check_folder(folder)
    if output is not None:
        os.environ["HF_HOME"] = str(folder)
    with quiet_harness():
        open_catalogue(names, include_path)
    about: dict[str, Any] = {"tasks": list(names), "cache_dir": str(folder)}
    with _open_log(audit_dir) as log:
        log(Event.CACHE_TASKS_REQUESTED, **about)
        found = CachedTasks(tuple(_cache_task(name, include_path) for name in names), str(folder))
        done = [task.name for task in found.tasks if task.cached]
        failed = next((task for task in found.tasks if not task.cached), None)
        if failed is None:
            log(Event.CACHE_TASKS_COMPLETED, **about, count=len(done))
        else:
            why = {"error_class": "ConfigError", "error_message": failed.error}
            log(Event.CACHE_TASKS_FAILED, **about, tasks_completed=done, **why)
    return found


def _cache_task(name: str, include_path: Sequence[str]) -> CachedTask:
    try:
        load_tasks([name], include_path)
    except ConfigError as error:
        return CachedTask(name, cached=False, error=error.message)
    return CachedTask(name, cached=True)


def _check_online() -> None:
    if is_offline():
        raise ConfigError(
            "nothing can be fetched: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set",
            hint="run this where there is a network, and copy the folder it fills",
        )


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror or error}") from error


@contextmanager
def _open_log(audit_dir: str | None) -> Iterator[Callable[..., None]]:
    """Yield what writes events into the log in ``audit_dir``, which is closed afterwards, or into none."""
    if audit_dir is None:
        yield lambda event, **fields: None
        return
    ledger = AuditLogger(audit_dir)
    try:
        yield ledger.log_event
    finally:
        ledger.close_run()
