"""Imports an optional package, or says which extra brings it."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from forgelm.base.errors import OptionalDependencyError


def load_extra(module: str, *, extra: str) -> Any:
    """Return the imported ``module``.

    Raises:
        OptionalDependencyError: it is not installed; the message names the pip command for ``extra``.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise OptionalDependencyError(
            f"this needs the package '{missing.partition('.')[0]}', which is not installed or does not load: {error}",
            hint=f"pip install 'forgelm[{extra}]'",
        ) from error


def is_installed(module: str) -> bool:
    """Whether an optional package is there, without importing it."""
    return importlib.util.find_spec(module) is not None
