"""One process of ``forgelm launch``: runs the command like any other and leaves its reply in a file."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import NoReturn

from forgelm.base.files import write_json
from forgelm.base.processes import read_place
from forgelm.cli.main import run


def main(folder: str, *arguments: str) -> NoReturn:
    """Run ``arguments``, write what was said and the exit code to ``folder``, and exit with that code."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = int(run(list(arguments)))
    write_json(Path(folder) / f"{read_place().index}.json", {"code": code, "said": said.getvalue()})
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
