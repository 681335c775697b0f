"""Shows the progress of an audit on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from forgelm.audit.scan.runner import Progress
from forgelm.cli.options import Shared
from forgelm.cli.render import note

_SECONDS_BETWEEN_LINES = 10.0


class ScanReporter:
    """Hears of a scan's progress and draws it. Quiet and JSON output draw nothing."""

    def __init__(self, options: Shared, *, seconds_between_lines: float = _SECONDS_BETWEEN_LINES) -> None:
        self._pause = seconds_between_lines
        self._silent = options.quiet or options.as_json
        self._bar: Any = None
        self._said = time.monotonic()

    def __enter__(self) -> ScanReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, progress: Progress) -> None:
        if self._silent:
            return
        if sys.stderr.isatty():
            self._draw(progress)
        elif time.monotonic() - self._said >= self._pause:
            self._said = time.monotonic()
            share = f" ({progress.done / progress.total:.0%})" if progress.total else ""
            note(f"  {progress.rows:,} rows{share}  {progress.rows_per_second:,.0f} rows/s")

    def _draw(self, progress: Progress) -> None:
        from tqdm import tqdm

        if self._bar is None:
            known = progress.total is not None
            self._bar = tqdm(
                total=progress.total, file=sys.stderr, unit="B" if known else " rows", unit_scale=True, leave=False
            )
        self._bar.n = progress.done if progress.total is not None else progress.rows
        self._bar.set_postfix({"rows/s": f"{progress.rows_per_second:,.0f}"}, refresh=True)
