"""Says who is at work: the name every line of the audit log carries. Nothing here proves it."""

from __future__ import annotations

import getpass
import os
import socket
import unicodedata
from collections.abc import Callable, Mapping

from forgelm.base.errors import ConfigError


def login_name() -> str:
    """Return the login name of this account, ``""`` when it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def operator_identity(environ: Mapping[str, str] = os.environ, login: Callable[[], str] = login_name) -> str:
    """Return ``FORGELM_OPERATOR`` as it stands, else ``login@host``, else the anonymous name where that is allowed.

    Raises:
        ConfigError: nobody can be named, and ``FORGELM_ALLOW_ANONYMOUS_OPERATOR`` is not 1.
    """
    stated = environ.get("FORGELM_OPERATOR", "")
    if stated.strip():
        return stated
    name = login()
    if not name and environ.get("FORGELM_ALLOW_ANONYMOUS_OPERATOR") != "1":
        raise ConfigError(
            "the audit log needs to name who runs this, and this account has no login name",
            hint="set FORGELM_OPERATOR=<name or job id>, or FORGELM_ALLOW_ANONYMOUS_OPERATOR=1",
        )
    return f"{name or 'anonymous'}@{socket.gethostname()}"


def approver_identity(environ: Mapping[str, str] = os.environ, login: Callable[[], str] = login_name) -> str:
    """Return who decides: ``FORGELM_OPERATOR`` as it stands, else the bare login, else the anonymous name if allowed.

    Raises:
        ConfigError: nobody can be named.
    """
    stated = environ.get("FORGELM_OPERATOR", "")
    return stated if stated.strip() else operator_identity(environ, login).rpartition("@")[0]


def is_same_person(one: str, other: str) -> bool:
    """Return whether two identities may be one person's; what follows an ``@`` may be a machine and is not looked at.

    Nobody who is anonymous is known to be another person than anybody.
    """
    names = [unicodedata.normalize("NFKC", name).strip().partition("@")[0].casefold() for name in (one, other)]
    return names[0] == names[1] or "anonymous" in names or "" in names
