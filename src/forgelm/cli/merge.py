"""``forgelm merge`` and ``forgelm --config FILE --merge``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.config.stages import refuse_pipeline
from forgelm.publish.merging import DTYPES, MergeReport, merge_adapter, merge_models


@click.command()
@click.argument("adapter", required=False, type=click.Path())
@click.option("--config", type=click.Path(), help="The YAML file whose section merge says what to merge.")
@click.option("--set", "overrides", multiple=True, metavar="SECTION.FIELD=VALUE", help="Change one value of the file.")
@click.option("--output", type=click.Path(), help="Where the merged model goes; with --config merge.output_dir.")
@click.option("--base-model", metavar="NAME", help="The adapter's base model; it must be the one it recorded.")
@click.option("--dtype", type=click.Choice(list(DTYPES)), help="Type of the merged numbers; the base's without it.")
@click.option("--allow-other-base", is_flag=True, help="Merge into --base-model though the adapter recorded another.")
@click.option("--offline", is_flag=True, help="Forbid all hub traffic; everything must be on this machine.")
@shared_options
def merge(
    adapter: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    output: str | None,
    offline: bool,
    **how: str | bool | None,
) -> Reply:
    """Merge ADAPTER into its base model, or the models of the file given with --config into one."""
    if (adapter is None) == (config is None):
        raise click.UsageError("give an adapter's folder or --config FILE, one of the two")
    if config is not None:
        given = [f"--{name.replace('_', '-')}" for name, value in how.items() if value]
        if given:
            raise click.UsageError(f"{given[0]} is for merging an adapter; with --config the file says it")
        placed = [*overrides, f"merge.output_dir={output}"] if output else overrides
        return merge_config(config, placed, offline=offline)
    if output is None or overrides:
        raise click.UsageError("--set needs --config" if overrides else "say where the merged model goes: --output DIR")
    report = merge_adapter(
        str(adapter),
        output,
        base_model=_text(how["base_model"]),
        dtype=_text(how["dtype"]),
        allow_other_base=bool(how["allow_other_base"]),
        offline=offline,
    )
    return _reply(report)


def merge_config(path: str, overrides: Sequence[str], *, offline: bool) -> Reply:
    """Merge what the section ``merge`` of a file lists."""
    config = load_config(path, overrides)
    refuse_pipeline(config, "--merge")
    return _reply(merge_models(config.replace("model.offline", True) if offline else config))


def _text(value: str | bool | None) -> str | None:
    return value if isinstance(value, str) else None


def _reply(report: MergeReport) -> Reply:
    rows = [("merged", report.output_dir), ("method", report.method)]
    rows += [(source["kind"], f"{source['path']}  (weight {source['weight']:g})") for source in report.sources]
    rows += [("sealed", f"check it with: forgelm verify-integrity {report.output_dir}")]
    return Reply({"success": True, **vars(report)}, table(rows))
