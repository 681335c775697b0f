"""A function of plain loops over arrays to machine code without the interpreter lock, where numba is installed."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

IS_AVAILABLE = importlib.util.find_spec("numba") is not None


def compiled(function: Function) -> Function:
    """Return ``function`` so that its first call compiles it, or finds it compiled by an earlier process.

    The result is kept in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder, whichever can be
    written; where none can, every process compiles anew. Without numba (extra ``fast``) the function stays as it is.
    """
    if IS_AVAILABLE:
        # What is kept is found by this name. numba itself looks at the function's own file, not at those it calls.
        function.__qualname__ += f"_{_digest_sources()}"
    try:
        return _compile(function, cache=True)
    except (RuntimeError, OSError):
        return _compile(function)


def inner(function: Function) -> Function:
    """Return ``function`` for compiled functions to call: it compiles in half the time.

    Python itself must not call it; where numba is installed, that would end the process.
    """
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@cache
def _digest_sources() -> str:
    """Return a digest of every file that a compiled function may take code or a constant from."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted((*here.glob("*.py"), *here.parent.joinpath("duplicates").glob("*.py"))):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _compile(function: Function, **options: bool) -> Function:
    if not IS_AVAILABLE:
        return function
    numba = importlib.import_module("numba")
    return cast(Function, numba.njit(nogil=True, error_model="numpy", **options)(function))
