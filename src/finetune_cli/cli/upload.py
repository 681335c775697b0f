"""``finetune-cli upload``."""

from __future__ import annotations

import click

from finetune_cli.cli.options import json_option, log_option, quietly
from finetune_cli.core.exceptions import IncompatibleConfigError, MissingConfigError
from finetune_cli.models.folders import find_folder
from forgelm.cli.render import Reply
from forgelm.cli.upload import reply_to
from forgelm.publish.upload import MESSAGE, upload_model


@click.command()
@click.argument("model_path", type=click.Path())
@click.argument("repo_id")
@click.option("--token", "-t", help="Hugging Face token; HF_TOKEN is better, as others can see a command's arguments.")
@click.option("--private", "private_repo", is_flag=True, help="Make the repository private.")
@click.option("--message", "-m", default=MESSAGE, show_default=True, help="Commit message.")
@click.option("--merge-adapter", "merge", is_flag=True, help="Merge the LoRA adapter before uploading.")
@click.option("--base-model", help="Base model id, required with --merge-adapter.")
@click.option("--dry-run", is_flag=True, help="Check and list everything; send nothing.")
@log_option
@json_option
def upload(
    model_path: str, repo_id: str, merge: bool, base_model: str | None, log_level: str, as_json: bool, **wishes: object
) -> Reply:
    """Upload the model, adapter or run at MODEL_PATH to REPO_ID on the Hugging Face Hub."""
    if merge and not base_model:
        raise MissingConfigError("--base-model", "--merge-adapter")
    if base_model and not merge:
        raise IncompatibleConfigError("--base-model is for --merge-adapter, which is not given", ("--base-model",))
    with quietly(as_json=as_json, log_level=log_level):
        done = upload_model(find_folder(model_path), repo_id, merge_into=base_model, **wishes)  # type: ignore[arg-type]
    return reply_to(done)
