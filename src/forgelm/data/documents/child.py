"""The process that one document is read in: takes a request on stdin, limits itself, answers with JSON on stdout.

Whatever a damaged file makes a library do ends here: the parent sees an answer, or a process that died.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from forgelm.base.errors import ForgeError, OptionalDependencyError
from forgelm.data.documents.read import read_document
from forgelm.data.documents.record import ReadOptions


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the document a request asks for, or why there is none, as what JSON can hold."""
    options = dict(request["options"])
    options["strip_patterns"] = tuple(options["strip_patterns"])
    try:
        document = read_document(Path(request["path"]), ReadOptions(**options))
    except OptionalDependencyError as error:
        return {"missing": error.message, "hint": error.hint}
    except ForgeError as error:
        return {"refused": error.message, "hint": error.hint}
    except OSError as error:
        return {"refused": f"cannot be read: {error.strerror or error}", "hint": None}
    except RecursionError:
        return {"refused": "is refused: its parts are nested too deeply", "hint": None}
    # asdict() would make a Counter of a Counter's items.
    return {
        "pages": [asdict(page) for page in document.pages],
        "notes": document.notes,
        "counts": dict(document.counts),
    }


def limit_memory(max_bytes: int) -> None:
    """Let this process have at most ``max_bytes`` of address space, where the platform can."""
    if find_spec("resource") is not None:
        resource = import_module("resource")
        resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Answer the one request on stdin."""
    request = json.loads(sys.stdin.buffer.read())
    limit_memory(request["max_memory_bytes"])
    # A damaged file can make a library warn without end, and the parent keeps what stands on stderr.
    logging.disable(logging.CRITICAL)
    # What a library prints must not stand before the answer.
    with contextlib.redirect_stdout(sys.stderr):
        reply = json.dumps(answer(request)).encode("ascii")
    sys.stdout.buffer.write(reply)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
