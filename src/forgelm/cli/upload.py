"""``forgelm upload``."""

from __future__ import annotations

import contextlib
import sys

import click

from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.publish.upload import MESSAGE, Upload, upload_model


@click.command()
@click.argument("model_path", type=click.Path())
@click.argument("repo_id")
@click.option("--private", "private_repo", is_flag=True, help="Make the repository private.")
@click.option("--message", default=MESSAGE, show_default=True, help="Commit message.")
@click.option("--merge-adapter", "merge", is_flag=True, help="Upload the adapter merged into its base model.")
@click.option("--base-model", metavar="NAME", help="The adapter's base model; needed with --merge-adapter.")
@click.option("--dry-run", is_flag=True, help="Check and list everything; send nothing.")
@shared_options
def upload(
    model_path: str,
    repo_id: str,
    private_repo: bool,
    message: str,
    merge: bool,
    base_model: str | None,
    dry_run: bool,
) -> Reply:
    """Upload the model in MODEL_PATH to REPO_ID on the Hugging Face Hub, with the token in HF_TOKEN."""
    if merge != (base_model is not None):
        raise click.UsageError("--merge-adapter and --base-model belong together")
    with contextlib.redirect_stdout(sys.stderr):
        done = upload_model(
            model_path,
            repo_id,
            private_repo=private_repo,
            message=message,
            merge_into=base_model,
            dry_run=dry_run,
        )
    return reply_to(done)


def reply_to(done: Upload) -> Reply:
    """Return the envelope of an upload and its readable form."""
    rows = [("would upload to" if done.dry_run else "uploaded to", done.url or done.repo_id)]
    rows += [("visibility", "private" if done.private else "as the repository is, public when it is new")]
    rows += [("files", f"{len(done.files)}, {done.total_bytes / 1e6:.1f} MB"), ("card", done.card)]
    rows += [("  ", f"{name}  {size} bytes") for name, size in done.files] if done.dry_run else []
    rows += [("left out", name) for name in done.left_out]
    rows += [("commit", done.commit)] if done.commit else []
    return Reply({"success": True, **done.as_record()}, table(rows))
