"""``forgelm recommend``: a configuration for a model and a GPU, as YAML that trains as it is."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any, get_args

import click

from forgelm.assist.recommend import DATASET, Wanted, choose_gpu
from forgelm.assist.recommend import recommend as find_recommendation
from forgelm.base.errors import ConfigError
from forgelm.base.files import write_text
from forgelm.cli.options import Number, shared_options
from forgelm.cli.render import Reply
from forgelm.config.objectives import TrainerType


@click.command()
@click.argument("model")
@click.option("--gpu", metavar="NAME", help="A GPU that is not here, such as h100-80gb.")
@click.option("--vram-gb", type=Number(), metavar="N", help="Or only its memory.")
@click.option("--dataset", default=DATASET, show_default=True, metavar="PATH", help="The data to train on.")
@click.option("--trainer", type=click.Choice(get_args(TrainerType)), default="sft", help="What is learnt.")
@click.option("--max-length", type=click.IntRange(min=1), metavar="N", help="Tokens of a row; else what fits.")
@click.option("--output", type=click.Path(), help="Write the YAML to this new file.")
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
def recommend(model: str, output: str | None, **options: Any) -> Reply:
    """Choose method, batch, length and adapter for MODEL: a folder, a hub name, or a size such as 8B."""
    gpu = choose_gpu(options["gpu"], options["vram_gb"])
    wanted = Wanted(model, options["dataset"], options["trainer"], options["max_length"], options["offline"])
    with contextlib.redirect_stdout(sys.stderr):
        found = find_recommendation(wanted, gpu)
    if output is not None:
        path = Path(output)
        if path.exists():
            raise ConfigError(f"{path} exists already", hint="give another --output")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, found.yaml)
    envelope = {
        "success": True,
        "model": model,
        "parameters": found.parameters,
        "method": found.method,
        "config": found.config.model_dump(mode="json", exclude_unset=True),
        "yaml": found.yaml,
        "config_path": output,
        "fit": found.fit.as_record(),
    }
    text = found.yaml if output is None else f"wrote {output}\ncheck it with: forgelm --config {output} --dry-run"
    return Reply(envelope, text)
