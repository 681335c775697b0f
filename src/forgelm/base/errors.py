"""The one exception tree. Each class knows the exit code the command ends with and carries its remedy as ``hint``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Every exit code of the command; ``docs/exit-codes.md`` is checked against this table."""

    OK = 0
    CONFIG = 1
    RUNTIME = 2
    GATE_FAILED = 3
    AWAITING_APPROVAL = 4
    CANCELLED = 5
    INTEGRITY = 6
    STOPPED = 75


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a user's file: where it stands and what to do about it.

    ``line`` and ``column`` count from 1 and are ``None`` when the place is not known.
    """

    message: str
    path: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = ": ".join(part for part in (place, self.path, self.message) if part)
        return f"{text} ({self.hint})" if self.hint else text


class ForgeError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code: ExitCode = ExitCode.RUNTIME

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ConfigError(ForgeError):
    """The configuration, or something it points to, cannot be used. ``problems`` holds every finding."""

    exit_code = ExitCode.CONFIG

    def __init__(self, message: str, *, hint: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class DataError(ConfigError):
    """The data cannot be read or trained on; the message names the file and, where there is one, the row."""


class ArgumentError(ConfigError, ValueError):
    """A function of the library was called with a value it cannot use."""


class SourceError(DataError, OSError):
    """A dataset that was named cannot be read; no row of it was."""


class ModelError(ConfigError):
    """The model, its tokenizer or its chat template cannot be used as configured."""


class RunBusyError(ConfigError):
    """Another process is using the same run folder."""


class OptionalDependencyError(ForgeError, ImportError):
    """A feature was asked for whose extra is not installed; the message names the install command."""


class TrainingError(ForgeError, RuntimeError):
    """Training began and could not be completed."""


class ClusterError(ForgeError, ConnectionError):
    """The machines that should do the work cannot be reached, or were lost."""


class AddressRefusedError(ConfigError):
    """A URL leads where no connection may be made; nothing was sent."""


class NetworkError(ForgeError, ConnectionError):
    """Another machine did not answer, or not with what was asked for."""


class StorageError(ForgeError, OSError):
    """A file could not be written: no space, no permission, a broken disk."""


class NotAFolderError(StorageError):
    """A file stands where a folder is needed, or a folder where a file is: the caller named the wrong place."""

    exit_code = ExitCode.CONFIG


class IntegrityError(ForgeError):
    """Bytes that were pinned before are not what they were."""

    exit_code = ExitCode.INTEGRITY


class CancelledError(ForgeError):
    """A dialogue was ended by its user before it came to a result."""

    exit_code = ExitCode.CANCELLED


class StoppedError(ForgeError):
    """The run was asked to stop and did so in good order; running it again with ``--resume`` continues it."""

    exit_code = ExitCode.STOPPED

    def __init__(self, message: str, *, checkpoint: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.checkpoint = checkpoint
