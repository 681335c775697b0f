"""``forgelm --config FILE --compliance-export FOLDER``: the documents of a run, as far as they can be before it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from forgelm.cli.render import Reply, table
from forgelm.config.load import load_config
from forgelm.run.compliance_export import export_compliance


def write_compliance(
    path: str, overrides: Sequence[str], *, folder: str | None, output: str | None, default: str, offline: bool
) -> Reply:
    """Write the documents into the one folder that is given either way, else into ``default``."""
    if output and folder and os.path.abspath(output) != os.path.abspath(folder):
        raise click.UsageError(f"--compliance-export says {folder} and --output {output}; give one of them")
    config = load_config(path, overrides)
    if offline:
        config = config.replace("model.offline", True)
    with contextlib.redirect_stdout(sys.stderr):
        found = export_compliance(config, Path(output or folder or default))
    envelope = {
        "success": True,
        "files": [str(file) for file in found.files],
        "output_dir": str(found.folder),
        "annex_iv": found.annex_iv,
    }
    rows = [("output", str(found.folder)), ("files", ", ".join(file.name for file in found.files))]
    if found.annex_iv is None:
        rows.append(("Annex IV", "not written: compliance names no provider, system or intended purpose"))
    else:
        rows.append(("Annex IV", ", ".join(f"{count} {status}" for status, count in found.annex_iv.items())))
    return Reply(envelope, table([*rows, ("metrics", "none: nothing was trained")]))
