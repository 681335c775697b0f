"""A program from its name into its running: while it imports itself, Ctrl-C ends it without a traceback."""

from __future__ import annotations

import signal
from importlib import import_module


def start(module: str) -> None:
    """Import ``module`` and call its ``main``, which answers Ctrl-C from then on.

    Importing takes half a second, in which nothing could answer but a traceback. Where SIGINT is ignored, as behind
    ``nohup``, it stays so.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    main = import_module(module).main
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
