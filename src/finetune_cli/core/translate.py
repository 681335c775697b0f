"""Turns what the engine raises into this package's exceptions, so that a caller needs to know one tree only."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from finetune_cli.core import exceptions as ours
from forgelm.base import errors as engine

_STEP = re.compile(r"\bstep (\d+)")


@contextlib.contextmanager
def data_errors(path: str) -> Iterator[None]:
    """Raise ``DatasetError`` for whatever is wrong with the data at ``path``."""
    try:
        yield
    except engine.DataError as error:
        if error.message.endswith("holds no rows"):
            raise ours.EmptyDatasetError(path) from error
        raise ours.DatasetLoadError(path, one_line(error.message), hint=error.hint) from error
    except engine.ForgeError as error:
        raise ours.DatasetLoadError(path, one_line(error.message), hint=error.hint) from error


@contextlib.contextmanager
def model_errors(name: str) -> Iterator[None]:
    """Raise ``ModelError`` for whatever keeps the model ``name`` from being used."""
    try:
        yield
    except engine.ForgeError as error:
        reason = one_line(error.message)
        if reason.startswith(("there is no model", "there is no bundled model")):
            raise ours.ModelNotFoundError(name, hint=error.hint) from error
        raise ours.ModelLoadError(name, reason, hint=error.hint) from error


@contextlib.contextmanager
def training_errors(method: str) -> Iterator[None]:
    """Raise ``TrainingError`` or what describes it better for whatever ends a training."""
    try:
        yield
    except engine.StoppedError:
        # No failure: the command ends with its own exit code, and a caller continues from the checkpoint.
        raise
    except engine.DataError as error:
        raise ours.DatasetLoadError("data", one_line(error.message), hint=error.hint) from error
    except engine.ModelError as error:
        raise ours.UnsupportedModelError("", one_line(error.message), hint=error.hint) from error
    except (engine.ConfigError, engine.OptionalDependencyError) as error:
        raise ours.ConfigurationError(one_line(error.message), hint=error.hint) from error
    except engine.ForgeError as error:
        raise _training_error(error, method) from error


def one_line(text: str) -> str:
    """Return ``text`` on one line, as an error is shown."""
    return "; ".join(part.strip() for part in text.splitlines() if part.strip())


def _training_error(error: engine.ForgeError, method: str) -> ours.TrainingError:
    reason = one_line(error.message)
    if "out of memory" in reason:
        return ours.OutOfMemoryError(method, reason)
    if isinstance(error, engine.TrainingError) and re.search(r"\b(?:nan|inf|not finite|infinite)\b", reason.lower()):
        step = _STEP.search(reason)
        return ours.NaNLossError(int(step[1]) if step else None, method)
    if isinstance(error, engine.StorageError) and "checkpoint" in reason:
        return ours.CheckpointError(str(error.filename or "folder"), reason, hint=error.hint)
    return ours.TrainingError(method, reason, hint=error.hint)
