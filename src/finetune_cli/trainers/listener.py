"""Hears a training's events and keeps its losses."""

from __future__ import annotations

from typing import Any

from forgelm.base.events import Event


class Losses:
    """An ``Emit`` that remembers what progress said."""

    def __init__(self) -> None:
        self.by_step: dict[str, dict[str, Any]] = {}
        self.eval_loss: float | None = None

    def __call__(self, event: Event, /, **fields: Any) -> None:
        if event is not Event.PROGRESS:
            return
        self.by_step.setdefault(str(fields["step"]), {}).update(
            {name: value for name, value in fields.items() if value is not None}
        )
        if fields.get("eval_loss") is not None:
            self.eval_loss = float(fields["eval_loss"])
