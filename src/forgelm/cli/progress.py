"""Shows a run's progress on stderr: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from forgelm.base.events import Event
from forgelm.cli.options import Shared
from forgelm.cli.render import note

_SECONDS_BETWEEN_LINES = 10.0


class Reporter:
    """An ``Emit`` that draws; ``unit`` is what it counts. Quiet and JSON output draw nothing."""

    def __init__(self, options: Shared, *, unit: str = "step") -> None:
        self._unit = unit
        self._silent = options.quiet or options.as_json
        self._bar: Any = None
        self._loss: float | None = None
        self._said = 0.0
        self._ended = False

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, event: Event, /, **fields: Any) -> None:
        if self._silent:
            return
        if event is Event.PROGRESS:
            self._progress(fields)
        elif event is Event.STAGE:
            self._close()
            note(f"forgelm: {fields['name']}")
        elif event is Event.TRAINING_STARTED:
            note(f"forgelm: batches of {fields['batching']['batch_size']}: {fields['batching']['summary']}")
        elif event is Event.TRAINING_OOM_RECOVERY:
            self._close()
            note(
                f"forgelm: memory ran out while {fields['where']} at step {fields['step']}: going on from "
                f"{fields['continues_from']} with {fields['new_batch_size']} rows instead of {fields['old_batch_size']}"
            )
        elif event is Event.TRAINING_TROUBLE:
            self._close()
            note(f"forgelm: trouble at step {fields['step']}: {fields['kind']}: {fields['cause']}; {fields['change']}")

    def _progress(self, fields: dict[str, Any]) -> None:
        self._loss = fields.get("loss", self._loss)
        if sys.stderr.isatty():
            self._draw(fields)
        elif not self._ended and (self._is_last(fields) or time.monotonic() - self._said >= _SECONDS_BETWEEN_LINES):
            self._said, self._ended = time.monotonic(), self._is_last(fields)
            note("  " + self._line(fields))

    @staticmethod
    def _is_last(fields: dict[str, Any]) -> bool:
        return bool(fields["step"] >= fields["total"])

    def _draw(self, fields: dict[str, Any]) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(
                total=fields["total"], initial=fields["step"], file=sys.stderr, unit=self._unit, leave=True
            )
        self._bar.n = fields["step"]
        shown = {"loss": f"{self._loss:.4f}"} if self._loss is not None else {}
        if fields.get("tokens_per_second"):
            shown["tokens/s"] = f"{fields['tokens_per_second']:.0f}"
        self._bar.set_postfix(shown, refresh=True)

    def _line(self, fields: dict[str, Any]) -> str:
        parts = [f"{self._unit} {fields['step']}/{fields['total']}"]
        if self._loss is not None:
            parts.append(f"loss {self._loss:.4f}")
        if fields.get("tokens_per_second"):
            parts.append(f"{fields['tokens_per_second']:.0f} tokens/s")
        if fields.get("eta_seconds") is not None:
            parts.append(f"{fields['eta_seconds']:.0f} s left")
        return "  ".join(parts)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
