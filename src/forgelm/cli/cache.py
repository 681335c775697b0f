"""``forgelm cache models`` and ``forgelm cache tasks``, also ``cache-models`` and ``cache-tasks``."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict

import click

from forgelm.assist.cache import CachedModels, CachedTasks
from forgelm.assist.cache import cache_models as fetch_models
from forgelm.assist.cache import cache_tasks as fetch_tasks
from forgelm.base.errors import ExitCode
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table


@click.group("cache", no_args_is_help=False)
@shared_options
def cache() -> None:
    """Fetch what a run without a network will need: models, and the data of benchmarks."""


@click.command("cache-models")
@click.option("--model", "models", multiple=True, metavar="ID[@REVISION]", help="A model on the hub; repeatable.")
@click.option("--safety", metavar="ID[@REVISION]", help="The safety classifier.")
@click.option("--output", type=click.Path(), help="Cache folder. Default: HF_HUB_CACHE, else HF_HOME/hub.")
@click.option("--audit-dir", type=click.Path(), help="Folder whose audit log records what was fetched.")
@shared_options
def cache_models(models: tuple[str, ...], safety: str | None, output: str | None, audit_dir: str | None) -> Reply:
    """Fetch models from the hub into the cache; safetensors only."""
    with contextlib.redirect_stdout(sys.stderr):
        found = fetch_models(models, safety=safety, output=output, audit_dir=audit_dir)
    return _show_models(found)


@click.command("cache-tasks")
@click.option("--tasks", required=True, metavar="NAMES", help="Benchmarks, separated by commas.")
@click.option("--include-path", multiple=True, type=click.Path(), help="Folder with task files of your own.")
@click.option("--output", type=click.Path(), help="Folder to fill; set HF_HOME to it where it is used.")
@click.option("--audit-dir", type=click.Path(), help="Folder whose audit log records what was fetched.")
@shared_options
def cache_tasks(tasks: str, include_path: tuple[str, ...], output: str | None, audit_dir: str | None) -> Reply:
    """Fetch the data of benchmarks, so that a run without a network can put them."""
    names = [name.strip() for name in tasks.split(",")]
    with contextlib.redirect_stdout(sys.stderr):
        found = fetch_tasks(names, include_path=include_path, output=output, audit_dir=audit_dir)
    return _show_tasks(found)


cache.add_command(cache_models, "models")
cache.add_command(cache_tasks, "tasks")


def _show_models(found: CachedModels) -> Reply:
    envelope = {
        "success": True,
        "models": [asdict(model) | {"size_mb": model.size_mb} for model in found.models],
        "total_size_mb": found.total_size_mb,
        "cache_dir": found.cache_dir,
    }
    rows = [(model.name, f"{model.size_mb} MB  {model.cached_path}") for model in found.models]
    return Reply(envelope, table([*rows, ("total", f"{found.total_size_mb} MB in {found.cache_dir}")]))


def _show_tasks(found: CachedTasks) -> Reply:
    envelope = {
        "success": found.complete,
        "tasks": [asdict(task) for task in found.tasks],
        "cache_dir": found.cache_dir,
    }
    rows = [(task.name, "cached" if task.cached else f"not cached: {task.error}") for task in found.tasks]
    text = table([*rows, ("folder", f"{found.cache_dir} (HF_HOME where it is used)")])
    return Reply(envelope, text, ExitCode.OK if found.complete else ExitCode.RUNTIME)
