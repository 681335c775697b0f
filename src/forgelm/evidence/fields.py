"""Turns the fields of one event into the part of its line they fill: redacted, then as the JSON text that is hashed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from forgelm.base.files import to_json_safe
from forgelm.base.redact import is_unremarkable, redact, redact_text
from forgelm.evidence.line import ENVELOPE

_MOST_NAMES = 256
_UNSURE = ""
_quote = json.encoder.encode_basestring_ascii


class FieldWriter:
    """Writes fields; ``own`` are the envelope's values that a field may repeat.

    It remembers what names become, because few different ones fill a log: half of the time an event takes goes there.
    """

    def __init__(self, own: Mapping[str, str]) -> None:
        self._own = own
        self._openings: dict[str, str] = {}

    def render(self, event: str, fields: Mapping[str, Any]) -> str:
        """Return the fields as JSON members, each behind a comma: ``, "step": 1, "loss": 1.25``.

        Raises:
            ValueError: a field would replace one of the envelope's, or is nested without end.
        """
        text = self._render_plain(fields)
        return text if text is not None else self._render_any(event, dict(fields))

    def _render_plain(self, fields: Mapping[str, Any]) -> str | None:
        """Return the text as ``_render_any`` makes it, ``None`` where anything is not a plain value."""
        parts = []
        for name, value in fields.items():
            opening = self._openings.get(name)
            if not opening:
                opening = self._open(name)
                if opening is _UNSURE:
                    return None
            kind = type(value)
            if kind is float:
                parts.append(opening + (repr(value) if math.isfinite(value) else "null"))
            elif kind is str:
                parts.append(opening + _quote(redact_text(value)))
            elif kind is int:
                parts.append(opening + repr(value))
            elif value is None:
                parts.append(opening + "null")
            elif kind is bool:
                parts.append(opening + ("true" if value else "false"))
            else:
                return None
        return "".join(parts)

    def _open(self, name: object) -> str:
        if type(name) is not str or name in ENVELOPE or not is_unremarkable(name):
            return _UNSURE
        opening = f", {_quote(name)}: "
        if len(self._openings) < _MOST_NAMES:
            self._openings[name] = opening
        return opening

    def _render_any(self, event: str, fields: dict[str, Any]) -> str:
        try:
            details: dict[str, Any] = redact(to_json_safe(fields))
        except RecursionError:
            raise ValueError(f"event '{event}' has a field that contains itself or is nested too deeply") from None
        for key in ENVELOPE & details.keys():
            if key not in self._own or fields[key] != self._own[key]:
                raise ValueError(f"'{key}' belongs to every line of the audit log; event '{event}' cannot set it")
            del details[key]
        return f", {json.dumps(details)[1:-1]}" if details else ""
