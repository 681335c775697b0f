"""Carries values from another program's keys to ours, and keeps account: nothing is left behind without a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_UNKNOWN = "not a key that is known here"


@dataclass(frozen=True)
class LeftOut:
    """A key that was not carried over, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Migration:
    """``sections`` are ours. ``notes`` are what a person should look at although it was carried over."""

    program: str
    sections: dict[str, Any]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


class Mover:
    """The keys that are still to be carried over, and where the others went. Keys without a value count as absent."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._left = {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}
        self._sections: dict[str, Any] = {"model": {}, "lora": {}, "training": {}, "data": {}}
        self._left_out: list[LeftOut] = []
        self._notes: list[str] = []

    def take(self, key: str, default: Any = None) -> Any:
        """Return the value of ``key`` and count it as carried over."""
        return self._left.pop(key, default)

    def put(self, target: str, value: Any) -> None:
        section, _, name = target.partition(".")
        self._sections[section][name] = value

    def move(self, key: str, target: str, convert: Callable[[Any], Any] | None = None) -> None:
        """Write the value of ``key`` to ``target``, where there is one; what ``convert`` makes ``None`` is left out."""
        if key not in self._left:
            return
        value = self.take(key)
        made = convert(value) if convert else value
        if made is None:
            self.leave(key, f"the value {value!r} has no counterpart")
        else:
            self.put(target, made)

    def move_all(self, table: Mapping[str, str]) -> None:
        for key, target in table.items():
            self.move(key, target)

    def drop(self, key: str, reason: str) -> None:
        """Leave ``key`` out with a reason, unless it is absent or switched off."""
        value = self.take(key)
        if value is not None and value is not False:
            self.leave(key, reason)

    def leave(self, key: str, reason: str) -> None:
        self._left_out.append(LeftOut(key, reason))

    def note(self, text: str) -> None:
        self._notes.append(text)

    def section(self, name: str) -> dict[str, Any]:
        """Return what has been written to a section so far."""
        return self._sections[name] or {}

    def train_all_weights(self) -> None:
        """Make it a full fine-tuning."""
        self._sections["lora"] = None
        self.put("model.load_in_4bit", False)

    def finish(self, program: str) -> Migration:
        for key in list(self._left):
            self.drop(key, _UNKNOWN)
        return Migration(program, self._sections, tuple(self._left_out), tuple(self._notes))


def whole_epochs(value: Any) -> int | None:
    """Return the number of passes where it is whole."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number.is_integer() and number >= 1 else None


def names_of(value: Any) -> list[str]:
    """Return a list of names, written as such or with commas."""
    found = value.split(",") if isinstance(value, str) else list(value)
    return [str(name).strip() for name in found if str(name).strip()]


def target_modules(value: Any) -> Any:
    """Return the modules of an adapter: a list, or every linear layer where the other program says all."""
    names = names_of(value)
    return "all-linear" if names in (["all"], ["all-linear"]) else names


def share_of_rows(value: Any) -> float | None:
    """Return the share of rows to hold out, where it is one and no number of rows."""
    try:
        share = float(value)
    except (TypeError, ValueError):
        return None
    return share if 0 < share < 1 else None


def looks_like_file(name: str) -> bool:
    return bool(Path(name).suffix) or name.startswith((".", "/", "~"))
