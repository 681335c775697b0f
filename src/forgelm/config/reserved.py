"""The parts of the ForgeLM configuration that this version does not have, so that they are never taken for typos."""

from __future__ import annotations

from types import MappingProxyType

RESERVED = MappingProxyType(
    {
        "model.backend=unsloth": "the unsloth backend",
    }
)


def reserved_message(path: str) -> str | None:
    """Return what to tell a user who wrote ``path`` (a dotted key, or ``key=value``), ``None`` if it isn't reserved."""
    reason = RESERVED.get(path)
    if reason is None:
        return None
    what = path.rpartition(".")[2].replace("=", ": ")
    return f"'{what}' is part of the ForgeLM configuration but not available in this version ({reason})"


def reserved_values(path: str) -> tuple[str, ...]:
    """Return the values of the key ``path`` that are reserved."""
    return tuple(key.partition("=")[2] for key in RESERVED if key.startswith(f"{path}="))
