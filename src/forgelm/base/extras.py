"""Imports an optional package, or says which extra brings it."""

from __future__ import annotations

import importlib
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
