"""Everybody outside who hears of a run: the webhook and those who watch its numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from forgelm.base.events import Event
from forgelm.config.root import ForgeConfig
from forgelm.evidence.checkpoint import Checkpoint
from forgelm.run.monitor.monitor import check_monitoring, monitoring
from forgelm.run.notify import RunMessages
from forgelm.run.webhook.messenger import check_webhook


class Audience:
    """An ``Emit`` to all of them."""

    def __init__(self, messages: RunMessages, watch: Callable[..., None]) -> None:
        self._messages, self._watch = messages, watch

    def __call__(self, event: Event, /, **fields: Any) -> None:
        self._messages(event, **fields)
        self._watch(event, **fields)

    def close(self, audit_log: Checkpoint | None) -> None:
        """Tell how the run ended."""
        self._messages.close(audit_log)


@contextlib.contextmanager
def audience(config: ForgeConfig, root: Path, run_id: str) -> Iterator[Audience]:
    """Give who hears of the run in the folder ``root``; its numbers are exported while the block lasts.

    Raises:
        ConfigError: the port for Prometheus cannot be had.
    """
    with monitoring(config, root, run_id) as watch:
        yield Audience(RunMessages(config, run_id), watch)


def check_audience(config: ForgeConfig) -> None:
    """See before a run that they may be told.

    Raises:
        ConfigError: a variable is not set, or a URL leads where no connection is made.
    """
    check_webhook(config.webhook)
    check_monitoring(config.monitoring)
