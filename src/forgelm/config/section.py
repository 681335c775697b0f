"""What every section of the YAML shares: unknown keys refused, nothing mutable, numbers written as text understood."""

from __future__ import annotations

import logging
import math
import os
import warnings
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

REMOVAL_VERSION = "1.0.0"
_log = logging.getLogger("forgelm.config")
_NUMERIC = (int, float)
_MAX_REVISION_LENGTH = 255


class Section(BaseModel):
    """A mapping of the configuration file."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        protected_namespaces=(),
    )

    @field_validator("*", mode="before")
    @classmethod
    def _read_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields.get(info.field_name or "")
        if field is None:
            return value
        kinds = set(get_args(field.annotation) or (field.annotation,)) - {type(None)}
        return read_number(value) if kinds and kinds <= set(_NUMERIC) else value

    def _settle(self, field: str, value: Any) -> None:
        """Set ``field`` while this section is still being validated; afterwards it is frozen."""
        self.__dict__[field] = value
        self.model_fields_set.add(field)


def read_number(value: Any) -> Any:
    """Return the number that ``value`` spells (YAML reads ``2e-5`` as text), or ``value`` when it spells none.

    Raises:
        PydanticCustomError: ``value`` is a boolean, which Python would quietly count as 0 or 1.
    """
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "a number is needed here, not true or false")
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if math.isfinite(number) and number.is_integer() else number


def refuse(field: str, message: str, hint: str | None = None) -> PydanticCustomError:
    """Return the error that a whole-section rule raises about one ``field`` of it."""
    context = {"field": field, "text": message} | ({"hint": hint} if hint else {})
    return PydanticCustomError("rule", "{text}", context)


def warn_deprecated(old: str, new: str) -> None:
    """Say in the log and as a ``DeprecationWarning`` that key ``old`` gives way to ``new``."""
    message = f"{old} is deprecated and will be removed in {REMOVAL_VERSION}; write {new} instead"
    log_warning(message)
    warnings.warn(message, DeprecationWarning, stacklevel=2)


def log_warning(message: str) -> None:
    """Tell the user something that is allowed but is probably not what was meant."""
    _log.warning("%s", message)


def read_place(value: Any) -> Any:
    """Return a path object as the text it stands for, and anything else unchanged."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def check_place(value: str) -> str:
    """Return a path or repository id, ``~`` expanded, or refuse one that no file system and no hub could have."""
    if not value.strip():
        raise ValueError("must not be blank")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("must not contain control characters")
    return os.path.expanduser(value)


def check_revision(value: str) -> str:
    """Return a commit, branch or tag name unchanged, or refuse what cannot be one."""
    if not value:
        raise ValueError("must not be empty; leave the key out to use the default branch")
    if any(char.isspace() or ord(char) < 32 or ord(char) == 127 for char in value):
        raise ValueError("must not contain spaces or control characters")
    if value.startswith("-"):
        raise ValueError("must not start with '-'")
    if len(value) > _MAX_REVISION_LENGTH:
        raise ValueError(f"must not be longer than {_MAX_REVISION_LENGTH} characters")
    return value


Place = Annotated[str, BeforeValidator(read_place), AfterValidator(check_place)]
Revision = Annotated[str, AfterValidator(check_revision)]
