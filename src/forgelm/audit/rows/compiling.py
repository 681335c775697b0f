"""A function of plain loops over arrays to machine code without the interpreter lock, where numba is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

IS_AVAILABLE = importlib.util.find_spec("numba") is not None


def compiled(function: Function) -> Function:
    """Return ``function`` so that its first call compiles it, or finds it compiled by an earlier process.

    The result is kept in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder, whichever can be
    written; where none can, every process compiles anew. Without numba (extra ``fast``) the function stays as it is.
    """
    try:
        return _compile(function, cache=True)
    except (RuntimeError, OSError):
        return _compile(function)


def inner(function: Function) -> Function:
    """Return ``function`` for compiled functions to call: it compiles in half the time.

    Python itself must not call it; where numba is installed, that would end the process.
    """
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compile(function: Function, **options: bool) -> Function:
    if not IS_AVAILABLE:
        return function
    numba = importlib.import_module("numba")
    return cast(Function, numba.njit(nogil=True, error_model="numpy", **options)(function))
